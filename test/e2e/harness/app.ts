import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { register } from "convex-replicate/test";
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
} from "playwright-core";
import { preview } from "vite";
import { expect, inject, onTestFinished } from "vitest";
import { startBackend, type Backend } from "../../../dev/backend/index.js";
import { api } from "../../../example/convex/_generated/api.js";
import type { Task } from "../../../example/convex/fields.js";
import { CHROMIUM_FLAGS, EXAMPLE, FAILURES_FOLDER, PAGE_FOLDER } from "../setup/constants.js";
import type { Board } from "./board.js";
import { Device } from "./device.js";
import { Troubles } from "./troubles.js";

const MODULES = {
  ...import.meta.glob("../../../example/convex/**/*.ts"),
  "../../../example/convex/audit.ts": () => import("./audit.js"),
};

const MAX_ROWS = 5_000;

/** A row of the table, with the column that counts its writes. */
export type StoredTask = Task & { version: number };

const auditTable = makeFunctionReference<"query", Record<string, never>, StoredTask[]>(
  "audit:table",
);

/** One connection to the run's browser for each test file. */
let browser: Promise<Browser> | undefined;

/** The example as it is deployed: its own backend, the server of its page, and people's devices. */
export class App {
  readonly troubles = new Troubles();
  #backend: Backend;
  #start: (port?: number) => Promise<Backend>;
  #page: PageServer;
  readonly #contexts: BrowserContext[] = [];

  constructor(backend: Backend, start: (port?: number) => Promise<Backend>, page: PageServer) {
    this.#backend = backend;
    this.#start = start;
    this.#page = page;
  }

  get faults() {
    return this.#backend.faults;
  }

  /** Pushes that reached the server, whatever became of them. */
  get pushes(): number {
    return this.faults.calls.get("tasks:push");
  }

  /** A browser profile of its own: another person, or the same one on another machine. */
  async device(options: BrowserContextOptions = {}): Promise<Device> {
    browser ??= chromium.connect(inject("browser"));
    const context = await (await browser).newContext({ reducedMotion: "reduce", ...options });
    return this.#device(context);
  }

  /** A browser of its own that keeps its profile in `folder`, beyond its own end. */
  async deviceAt(folder: string): Promise<Device> {
    const executablePath = inject("chromium");
    const options = { executablePath, args: CHROMIUM_FLAGS };
    return this.#device(await chromium.launchPersistentContext(folder, options));
  }

  async #device(context: BrowserContext): Promise<Device> {
    this.#contexts.push(context);
    onTestFinished(async ({ task }) => {
      if (task.result?.state === "fail") await takePictures(context, task.name);
      await context.close();
    });
    await context.addInitScript(`globalThis.CONVEX_URL = ${JSON.stringify(this.#backend.url)}`);
    return new Device(context, this.#page.url, this.troubles);
  }

  /** Two people with the board in front of them, in step with the server. */
  async twoBoards(): Promise<[Board, Board]> {
    const open = async () => {
      const board = await (await this.device()).openTab();
      await board.synced();
      return board;
    };
    return Promise.all([open(), open()]);
  }

  /** Stops the backend; its data stays for `startBackend`. The page is still being served. */
  async stopBackend() {
    this.troubles.expectOutage();
    await this.#backend.close();
  }

  async startBackend() {
    this.#backend = await this.#start(Number(new URL(this.#backend.url).port));
  }

  /** Stops the server that the page comes from. */
  async stopPage() {
    this.troubles.expectOutage();
    await this.#page.close();
  }

  /** Cuts every connection to the backend, and all that are tried until `reconnect`. */
  cutOff() {
    this.troubles.expectOutage();
    this.faults.refuseConnections();
    this.faults.dropSockets();
  }

  /** Brings the network back, which browsers tell their pages. */
  async reconnect() {
    this.faults.allowConnections();
    const pages = this.#contexts.flatMap((context) => context.pages());
    await Promise.all(pages.map((page) => page.evaluate(tellOnline)));
  }

  /** The rows of the table, oldest first, as any script could read them. */
  async rows(): Promise<Task[]> {
    const paginationOpts = { numItems: MAX_ROWS, cursor: null };
    const { page } = await this.#http().query(api.tasks.material, { paginationOpts });
    return page.sort((x, y) => x.createdAt - y.createdAt);
  }

  /** How often the row of a task has been written, or `undefined` when there is none. */
  async version(title: string): Promise<number | undefined> {
    const rows = await this.#http().query(auditTable, {});
    return rows.find((row) => row.title === title)?.version;
  }

  #http() {
    return new ConvexHttpClient(this.#backend.url, { logger: false });
  }
}

/** Starts everything for one test, and checks at its end that nothing complained unexpectedly. */
export async function startApp(): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), "convex-replicate-e2e-"));
  const dataFolder = join(folder, "data");
  onTestFinished(() => rmSync(folder, { recursive: true }));

  let running: Backend;
  const start = async (port?: number) => {
    running = await startBackend({
      app: { modules: MODULES, register: (t) => register(t) },
      dataFolder,
      onFunctionError: (path, message) => app.troubles.add(`${path} failed: ${message}`),
      ...(port !== undefined && { port }),
    });
    return running;
  };
  const app: App = new App(await start(), start, await servePage());
  onTestFinished(() => running.close());
  onTestFinished(() => expect(app.troubles.unexpected()).toEqual([]));
  return app;
}

function tellOnline() {
  window.dispatchEvent(new Event("online"));
}

/** What a failed test was looking at. */
async function takePictures(context: BrowserContext, test: string) {
  const name = test.replace(/\W+/g, "-");
  for (const [index, page] of context.pages().entries()) {
    const path = join(FAILURES_FOLDER, `${name}-${Date.now()}-${index}.png`);
    await page.screenshot({ path }).catch(() => undefined); // it may be what failed
  }
}

type PageServer = { url: string; close: () => Promise<void> };

async function servePage(): Promise<PageServer> {
  const server = await preview({
    configFile: false,
    root: EXAMPLE,
    logLevel: "warn",
    build: { outDir: PAGE_FOLDER },
    preview: { host: "127.0.0.1", port: 0 },
  });
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= server.close());
  onTestFinished(close);
  return { url: server.resolvedUrls!.local[0]!, close };
}
