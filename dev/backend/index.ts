import type { ConvexApp } from "./app.js";
import { CommitLog, type StoredState } from "./commit-log.js";
import { createConvexTestRuntime } from "./convex-test-runtime.js";
import { Faults } from "./faults.js";
import { lockFile } from "./file-lock.js";
import { MutationAnswers } from "./protocol/answers.js";
import { Calls, type ErrorListener } from "./protocol/calls.js";
import { Sync } from "./protocol/sync.js";
import type { Runtime } from "./runtime.js";
import { listen, listenNear } from "./server.js";

export type { ConvexApp } from "./app.js";
export { remoteFaults, type FaultCommand, type RemoteFaults } from "./fault-commands.js";
export type { CallFilter, DelayRule, FailRule, Faults, FaultState } from "./faults.js";
export { devToken } from "./identity.js";
export type { Runtime } from "./runtime.js";

export interface BackendOptions {
  /** The app to serve, or a runtime that holds one. */
  app: ConvexApp | Runtime;
  /** Default: a free one. Starting fails when it is taken. */
  port?: number;
  /** Like `port`, but another one will do when it is taken. */
  preferredPort?: number;
  /** Keeps the data in this file. Default: it is gone when the backend closes. */
  dataFile?: string;
  /** Told about every function that threw. */
  onFunctionError?: ErrorListener;
}

export interface Backend {
  /** For `new ConvexClient(url)`, `new ConvexHttpClient(url)`, `new ConvexReactClient(url)`. */
  url: string;
  faults: Faults;
  close(): Promise<void>;
}

/**
 * Serves an app's real functions to real Convex clients, on 127.0.0.1.
 *
 * @example
 * const backend = await startBackend({
 *   app: { modules: import.meta.glob("./convex/**\/*.ts"), register: (t) => register(t) },
 * });
 * const client = new ConvexClient(backend.url);
 * …
 * await backend.close();
 */
export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { app, port, preferredPort = 0, dataFile, onFunctionError = () => {} } = options;
  const runtime = "modules" in app ? await createConvexTestRuntime(app) : app;
  const store = dataFile === undefined ? noStore() : openStore(dataFile);
  try {
    runtime.onCommit((commit) => store.log?.appendCommit(commit));
    await runtime.restore(store.state.commits);
    const answers = new MutationAnswers(store.state.answers, (key, answer) =>
      store.log?.appendAnswer(key, answer),
    );
    const faults = new Faults(() => sync.dropAll());
    const calls = new Calls(runtime, faults, onFunctionError);
    const sync = new Sync(runtime, calls, answers);
    const context = { runtime, calls, faults, sync };
    const server =
      port === undefined ? await listenNear(context, preferredPort) : await listen(context, port);
    const close = async () => {
      await server.close();
      await runtime.close();
      // The last mutation has committed; its answer is noted a few microtasks later.
      await new Promise((resolve) => setImmediate(resolve));
      store.close();
    };
    let closing: Promise<void> | undefined;
    return { url: server.url, faults, close: () => (closing ??= close()) };
  } catch (error) {
    store.close();
    throw error;
  }
}

interface Store {
  state: StoredState;
  log: CommitLog | null;
  close(): void;
}

function noStore(): Store {
  return { state: { commits: [], answers: new Map() }, log: null, close: () => {} };
}

function openStore(file: string): Store {
  const unlock = lockFile(file);
  try {
    const { log, state } = CommitLog.open(file);
    return {
      log,
      state,
      close: () => {
        log.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
