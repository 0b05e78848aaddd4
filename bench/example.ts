import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { preview } from "vite";
import { startExampleBackend } from "../dev/backend/example.js";
import type { Backend } from "../dev/backend/index.js";
import { ensureChromium } from "../dev/install.mjs";
import { CHROMIUM_FLAGS, EXAMPLE, PAGE_FOLDER } from "../test/e2e/setup/constants.js";
import { buildPage } from "../test/e2e/setup/global.js";
import { machine, table, type Figure } from "./measure.js";

const TASKS = 10_000;
const ROUNDS = 3;
const PATIENCE_MS = 300_000;
const MS_PER_SECOND = 1000;

/** What somebody sees who seeds the example with 10,000 tasks, on several devices. */
export async function report(): Promise<string> {
  await buildPage();
  const page = await preview({
    configFile: false,
    root: EXAMPLE,
    logLevel: "warn",
    build: { outDir: PAGE_FOLDER },
    preview: { host: "127.0.0.1", port: 0 },
  });
  const executablePath = ensureChromium();
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  const rounds: Timings[] = [];
  try {
    const url = page.resolvedUrls!.local[0]!;
    for (let round = 0; round < ROUNDS; round++) rounds.push(await seed(browser, url));
  } finally {
    await browser.close();
    await page.close();
  }
  const figures = table(best(rounds));
  console.log(figures);
  return `# The example with ${TASKS} tasks

Made by \`npm run bench -- example\` on ${machine()}, where the browser runs, too: Chromium
${browser.version()}, backend with a data folder. Seconds, the best of ${ROUNDS} rounds.

${figures}
`;
}

const STEPS = {
  shown: "click on “Seed 10,000 tasks”, until all are on screen",
  accepted: "until the server has accepted all",
  arrived: "until all are on the screen of a second device",
  reloaded: "reload, until all are on screen (from disk)",
  live: "reload, until the page is in step with the server",
  loaded: "first visit of a third device, until all are on screen",
} as const;

type Timings = Record<keyof typeof STEPS, number>;

async function seed(browser: Browser, url: string): Promise<Timings> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const backend = await startExampleBackend({ dataFolder: join(folder, "data") });
  const visit = async () => open(await browser.newContext(), backend, url);
  try {
    const [first, second] = [await visit(), await visit()];
    await Promise.all([inStep(first), inStep(second)]);
    await first.getByTestId("board-menu").click();
    const [shown, accepted, arrived] = await timed(
      () => first.getByTestId(`seed-${TASKS}`).click(),
      [
        () => complete(first),
        () => complete(first).then(() => inStep(first)),
        () => complete(second),
      ],
    );
    const [reloaded, live] = await timed(
      () => first.reload(),
      [() => complete(first), () => complete(first).then(() => inStep(first))],
    );
    const [loaded] = await timed(visit, [(third) => complete(third)]);
    return { shown, accepted, arrived, reloaded, live, loaded };
  } finally {
    for (const context of browser.contexts()) await context.close();
    await backend.close();
    rmSync(folder, { recursive: true });
  }
}

/** How long after the beginning of `action` each of the events came, in milliseconds. */
async function timed<T, const Events extends readonly ((result: T) => Promise<unknown>)[]>(
  action: () => Promise<T>,
  events: Events,
): Promise<{ [Event in keyof Events]: number }> {
  const start = performance.now();
  const result = await action();
  const since = async (event: (result: T) => Promise<unknown>) => {
    await event(result);
    return performance.now() - start;
  };
  return (await Promise.all(events.map(since))) as { [Event in keyof Events]: number };
}

async function open(context: BrowserContext, backend: Backend, url: string): Promise<Page> {
  await context.addInitScript(`globalThis.CONVEX_URL = ${JSON.stringify(backend.url)}`);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  return page;
}

/** Until the heads of the columns count all tasks, in a frame that has been painted. */
async function complete(page: Page): Promise<void> {
  await page.waitForFunction((count) => {
    const heads = document.querySelectorAll("[data-testid=column-count]");
    return [...heads].reduce((sum, { textContent }) => sum + Number(textContent), 0) === count;
  }, TASKS);
}

async function inStep(page: Page): Promise<void> {
  await page.waitForSelector("[data-testid=sync-status][data-phase=live][data-pending='0']");
}

function best(rounds: readonly Timings[]): Figure[] {
  return (Object.keys(STEPS) as (keyof Timings)[]).map((step) => {
    const ms = Math.min(...rounds.map((timings) => timings[step]));
    return { what: STEPS[step], result: `${(ms / MS_PER_SECOND).toFixed(1)} s` };
  });
}
