import type { ConvexApp } from "./app.js";
import { createEngine } from "./engine/engine.js";
import { Metrics } from "./engine/metrics.js";
import { Faults } from "./faults.js";
import { MutationAnswers } from "./protocol/answers.js";
import { Calls, type ErrorListener } from "./protocol/calls.js";
import { Sync } from "./protocol/sync.js";
import type { Runtime, RuntimeMetrics } from "./runtime.js";
import { listen, listenNear } from "./server.js";

export type { ConvexApp } from "./app.js";
export { remoteFaults, type FaultCommand, type RemoteFaults } from "./fault-commands.js";
export type { CallFilter, DelayRule, FailRule, Faults, FaultState } from "./faults.js";
export { devToken } from "./identity.js";
export type { FunctionMetrics, Runtime, RuntimeMetrics } from "./runtime.js";

export interface BackendOptions {
  /** The app to serve, or a runtime that holds one. */
  app: ConvexApp | Runtime;
  /** Default: a free one. Starting fails when it is taken. */
  port?: number;
  /** Like `port`, but another one will do when it is taken. */
  preferredPort?: number;
  /** Keeps the data in this folder. Default: it is gone when the backend closes. */
  dataFolder?: string;
  /** Told about every function that threw. */
  onFunctionError?: ErrorListener;
}

export interface Backend {
  /** For `new ConvexClient(url)`, `new ConvexHttpClient(url)`, `new ConvexReactClient(url)`. */
  url: string;
  faults: Faults;
  /** What functions cost; also at `GET /dev/metrics`, reset by `DELETE`. */
  metrics: RuntimeMetrics;
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
  const { app, port, preferredPort = 0, dataFolder = null, onFunctionError = () => {} } = options;
  const runtime = "modules" in app ? await createEngine(app) : app;
  try {
    await runtime.open(dataFolder);
    const answers = new MutationAnswers();
    const faults = new Faults({
      dropAll: () => sync.dropAll(),
      stallAll: (stalled) => sync.stallAll(stalled),
    });
    const calls = new Calls(runtime, faults, onFunctionError);
    const sync = new Sync(runtime, calls, answers);
    const context = { runtime, calls, faults, sync };
    const server =
      port === undefined ? await listenNear(context, preferredPort) : await listen(context, port);
    const close = async () => {
      await server.close();
      await runtime.close();
    };
    let closing: Promise<void> | undefined;
    const metrics = runtime.metrics ?? new Metrics();
    return { url: server.url, faults, metrics, close: () => (closing ??= close()) };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
