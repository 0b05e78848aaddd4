import { AsyncLocalStorage } from "node:async_hooks";
import type { ConvexApp } from "../app.js";
import { canonicalPath } from "../functions.js";
import type { Commit, MutationRun, Runtime } from "../runtime.js";
import { answerNote, Answers } from "./answers.js";
import { realClock, type Clock } from "./clock.js";
import { loadComponents, type Component } from "./component.js";
import { createTable, type EngineContext } from "./context.js";
import { CronJobs } from "./crons.js";
import { settled, toOutcome } from "./failure.js";
import { newId } from "./ids.js";
import { bytesFrom, unpredictableBytes } from "./random-bytes.js";
import { installGlobals } from "./globals.js";
import { fairInterleaving, type Interleaving } from "./interleaving.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { Metrics } from "./metrics.js";
import { Queries } from "./queries.js";
import { Runner } from "./runner.js";
import { topLevel } from "./top-level-call.js";
import { Scheduler } from "./scheduler.js";
import { InitialData } from "./initial-data.js";
import { DataFolder } from "./data-folder.js";
import { routeHttp } from "./http-actions.js";
import { Store, tableKey } from "./store.js";
import { installSyscalls } from "./syscalls.js";

export interface EngineOptions {
  /** Differences to {@link DEFAULT_LIMITS}; `Infinity` switches a limit off. */
  limits?: Partial<Limits>;
  /** Default: the machine's. */
  clock?: Clock;
  /** Default: transactions take turns at each syscall. */
  interleaving?: Interleaving;
  /** Makes ids and backoffs, from 0 up to 1. Default: unpredictable. */
  random?: () => number;
  /** How much is logged before a snapshot of all data is written. Default: 64 MiB. */
  maxLogBytes?: number;
  /** Told about scheduled functions and cron jobs that threw. Default: prints. */
  onError?: (path: string, error: unknown) => void;
}

/** The embedded backend's own {@link Runtime}, and what tests see and steer of it. */
export interface Engine extends Runtime {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** How many documents a table holds. */
  count(component: string, table: string): number;
  /** Resolves when nothing runs that does not wait for the clock. */
  settle(): Promise<void>;
}

const NANOSECONDS_PER_MS = 1_000_000n;
/** Apart enough to be different numbers. */
const CREATION_TIME_STEP_MS = 0.001;

const soon = setImmediate;
// Taken before functions get their own.
const unpredictable = Math.random;

/** Loads an app and its components. */
export async function createEngine(app: ConvexApp, options: EngineOptions = {}): Promise<Engine> {
  installSyscalls();
  installGlobals();
  const components = await loadComponents(app);
  return new EmbeddedEngine(components, options);
}

class EmbeddedEngine implements Engine {
  readonly metrics = new Metrics();
  readonly clock: Clock;
  #context: EngineContext;
  #queries: Queries;
  #answers = new Answers();
  #folder: DataFolder | null = null;
  #maxLogBytes: number | undefined;
  #closing: Promise<void> | null = null;
  #listeners = new Set<(commit: Commit) => void>();
  #scheduler: Scheduler;
  #crons: CronJobs;
  // Whoever calls may have been woken by a function of this engine; the call must not seem nested.
  #outside = AsyncLocalStorage.snapshot();

  constructor(components: ReadonlyMap<string, Component>, options: EngineOptions) {
    const { clock = realClock(), interleaving = fairInterleaving(), random } = options;
    this.clock = clock;
    this.#maxLogBytes = options.maxLogBytes;
    const empty = new InitialData(components, nanoseconds(clock.now()));
    const store = new Store({
      snapshot: empty.snapshot(),
      now: () => clock.now(),
      createTable: (key) => createTable(components, key),
      onPublish: (commit) => {
        this.#queries.observe(commit);
        if (commit.note !== null) this.#answers.keep(commit.note);
        this.#scheduler.observe(commit);
        for (const listener of this.#listeners) listener(commit);
      },
    });
    const context = {
      components,
      store,
      metrics: this.metrics,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      clock,
      interleaving,
      random: random ?? unpredictable,
      nextCreationTime: increasingTime(clock, 0),
      newId: idSource(random),
    } as EngineContext;
    context.runner = new Runner(context);
    this.#context = context;
    this.#queries = new Queries(context);
    const onError = options.onError ?? printError;
    this.#scheduler = new Scheduler(context, onError);
    this.#crons = new CronJobs(context, onError);
  }

  isPublic: Runtime["isPublic"] = (kind, path) => {
    const fn = this.#context.components.get("")!.functions.get(canonicalPath(path));
    return fn !== undefined && fn.isPublic && fn.kind === kind;
  };

  snapshot: Runtime["snapshot"] = async (body) => {
    const { snapshot, end } = this.#context.store.begin();
    try {
      return await body({
        ts: snapshot.ts,
        runQuery: (call, journal) =>
          this.#outside(() => this.#queries.run(snapshot, call, journal)),
      });
    } finally {
      end();
    }
  };

  runMutation: Runtime["runMutation"] = (call, requestKey) =>
    this.#outside(async (): Promise<MutationRun> => {
      try {
        const known = requestKey === undefined ? null : this.#answers.find(requestKey);
        if (known !== null) return known;
        const note = requestKey === undefined ? undefined : answerNote(requestKey);
        const result = await this.#context.runner.mutation(topLevel(call), { note });
        const { value, ts } = result!;
        return { outcome: { type: "value", value }, ts };
      } catch (error) {
        return { outcome: toOutcome(error), ts: null };
      }
    });

  runAction: Runtime["runAction"] = (call) =>
    this.#outside(() => settled(this.#context.runner.action(topLevel(call))));

  handleHttp: Runtime["handleHttp"] = (request, identity) => {
    const router = this.#context.components.get("")!.defaultExport("http");
    return this.#outside(() => routeHttp(this.#context, router, request, identity));
  };

  onCommit: Runtime["onCommit"] = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  open: Runtime["open"] = async (dataFolder) => {
    if (dataFolder !== null) this.#load(dataFolder);
    await this.#scheduler.resume();
    this.#crons.start();
  };

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#scheduler.close();
    this.#crons.close();
    this.#context.store.close();
    await this.#context.store.drain();
    await this.#folder?.close();
  }

  count(component: string, table: string): number {
    return this.#context.store.snapshot.tables.get(tableKey(component, table))?.size ?? 0;
  }

  async settle(): Promise<void> {
    do await new Promise<void>((resolve) => void soon(resolve));
    while (this.#context.runner.isBusy);
  }

  #load(dataFolder: string): void {
    const { components, clock, store } = this.#context;
    const data = new InitialData(components, nanoseconds(clock.now()));
    this.#folder = DataFolder.open({
      folder: dataFolder,
      replay: (commit) => data.apply(commit),
      source: () => ({ snapshot: store.snapshot, answers: this.#answers.all() }),
      maxLogBytes: this.#maxLogBytes,
    });
    store.load(data.snapshot(), this.#folder);
    for (const [key, answer] of data.answers) this.#answers.keep({ key, answer });
    this.#context.nextCreationTime = increasingTime(clock, data.creationTime);
  }
}

/** Like a real deployment, an empty database already has a time: zero would mean "before all". */
function nanoseconds(ms: number): bigint {
  return BigInt(Math.floor(ms)) * NANOSECONDS_PER_MS;
}

function increasingTime(clock: Clock, last: number): () => number {
  return () => (last = Math.max(clock.now(), last + CREATION_TIME_STEP_MS));
}

function idSource(random: (() => number) | undefined): (table: string) => string {
  const fill = random === undefined ? unpredictableBytes() : bytesFrom(random);
  return (table) => newId(table, fill);
}

function printError(path: string, error: unknown): void {
  console.error(`Scheduled function ${path} failed:`, error);
}
