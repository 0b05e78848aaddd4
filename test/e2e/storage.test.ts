import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { startApp, type App } from "./harness/app.js";
import { eventually, type Board } from "./harness/board.js";
import type { Device } from "./harness/device.js";

/** Enough for the app's database, but not for a long text, in bytes. */
const LITTLE_SPACE = 400_000;
const LONG_TEXT = "There is more to say. ".repeat(30_000);

it("keeps changes in memory while the browser has no space, says so, and loses none", async () => {
  const app = await startApp();
  const device = await app.device({ serviceWorkers: "block" }); // its cache takes space as well
  const giveSpace = await leaveLittleSpace(device);
  const board = await device.openTab();
  await board.add("Fill the tank");
  await board.synced();

  await board.fill("Fill the tank", "notes", LONG_TEXT);
  await board.vote("Fill the tank");
  await eventually(async () => expect(await label(board)).toBe("Not kept on this device"));
  expect(await board.votes("Fill the tank")).toBe(1);
  expect(await app.rows()).toMatchObject([{ votes: 0 }]); // what is not on disk is not sent
  const unsent = await board.sync();
  expect(unsent.pending).toBeGreaterThan(0);

  await giveSpace();
  await board.synced();
  await eventually(async () => expect(await app.rows()).toMatchObject([{ votes: 1 }]));
  await board.reload();
  expect(await board.read("Fill the tank", "notes")).toBe(LONG_TEXT);
});

it("takes a change once or not at all, whichever storage step its page dies before", async () => {
  const app = await startApp();
  const device = await app.device();
  await device.context.addInitScript(stopAtStep);
  await device.context.route(/\/stopped$/, () => undefined); // no answer: the page stands still
  let board = await device.openTab();
  await board.add("Cross the river");
  await board.synced();

  let votes = 0;
  let hasStopped = true;
  for (let step = 1; hasStopped; step++) {
    const before = await settled(app, board, "Cross the river");
    expect(before.votes).toBe(votes);
    const killer = await board.page.context().newCDPSession(board.page); // while the page can answer
    hasStopped = await voteUntil(board, step, "Cross the river");
    if (!hasStopped) break;
    await board.crash(killer);
    board = await device.openTab();
    const after = await settled(app, board, "Cross the river");
    // The first step is before anything is stored, so nothing may be left; what is on disk counts once.
    expect(after.votes - votes).toBe(step === 1 ? 0 : after.votes > votes ? 1 : 0);
    if (step > 2) expect(after.votes).toBe(votes + 1);
    expect(after.version - before.version).toBe(after.votes - votes);
    votes = after.votes;
    expect(step).toBeLessThan(40);
  }
  expect(votes).toBeGreaterThan(3);
});

it("keeps every rule of the acceptance suite in IndexedDB of a real browser", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  const results = await board.page.evaluate(await suiteInOnePiece());
  expect(results).toMatchObject({ failures: [] });
  expect((results as { passed: number }).passed).toBeGreaterThan(15);
});

function label(board: Board): Promise<string | null> {
  return board.page.getByTestId("sync-status").textContent();
}

/** Leaves the app little space to store anything, until the result is called. */
async function leaveLittleSpace({ context, url }: Device): Promise<() => Promise<void>> {
  const { origin } = new URL(url);
  const page = await context.newPage();
  await page.goto(new URL("favicon.svg", url).href);
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: LITTLE_SPACE });
  return async () => void (await session.send("Storage.overrideQuotaForOrigin", { origin }));
}

/** Waits until page and table agree, and says on what. */
async function settled(app: App, board: Board, title: string) {
  await board.synced();
  const [row] = await app.rows();
  await eventually(async () => expect(await board.votes(title)).toBe(row!.votes));
  return { votes: row!.votes, version: (await app.version(title))! };
}

/** Votes, and resolves to whether the page stopped before that storage step, rather than finish. */
async function voteUntil(board: Board, step: number, title: string): Promise<boolean> {
  const stopped = board.page.waitForRequest(/\/stopped$/).then(() => true);
  stopped.catch(() => undefined);
  await board.page.evaluate((at) => void Object.assign(window, { stopAt: at, steps: 0 }), step);
  const votes = await board.votes(title);
  await board.page.evaluate((name) => {
    const cards = [...document.querySelectorAll('[data-testid="task"]')];
    const card = cards.find((one) => one.textContent.includes(name))!;
    const button = card.querySelector<HTMLButtonElement>('[data-testid="task-vote"]')!;
    setTimeout(() => button.click()); // the page may stop within the click
  }, title);
  const finished = eventually(async () => {
    expect(await board.votes(title)).toBe(votes + 1);
    expect(await board.sync()).toEqual({ phase: "live", pending: 0 });
    await board.page.waitForTimeout(500); // what another step would need, twenty times
  }).then(() => false);
  return Promise.race([stopped, finished.catch(() => stopped)]);
}

/**
 * Runs in the page before anything else: counts the beginnings and ends of transactions, and stands
 * still in the one that `stopAt` names.
 */
function stopAtStep() {
  const state = window as unknown as { stopAt?: number; steps?: number };
  const step = () => {
    if (state.stopAt === undefined) return;
    state.steps = (state.steps ?? 0) + 1;
    if (state.steps !== state.stopAt) return;
    const request = new XMLHttpRequest();
    request.open("GET", "/stopped", false);
    request.send();
  };
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (...args) {
    const writes = args[1] === "readwrite";
    if (writes) step();
    const result = transaction.apply(this, args);
    if (writes) result.addEventListener("complete", step);
    return result;
  };
}

/** An expression that runs the suite in a page and resolves to what came of it. */
async function suiteInOnePiece(): Promise<string> {
  const source = (path: string) =>
    JSON.stringify(fileURLToPath(new URL(`../../src/client/${path}`, import.meta.url)));
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { indexedDBStorage } from ${source("storage/indexeddb.ts")};
        import { runStorageTests } from ${source("storage-tests/index.ts")};
        export async function run() {
          const tests = [];
          runStorageTests(() => indexedDBStorage({ persist: false }), {
            test: (name, body) => tests.push([name, body]),
          });
          const failures = [];
          for (const [name, body] of tests) {
            await body().catch((error) => failures.push(name + ": " + error.message));
          }
          return { passed: tests.length - failures.length, failures };
        }`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "suite",
  });
  return `(() => { ${outputFiles[0]!.text}; return suite.run(); })()`;
}
