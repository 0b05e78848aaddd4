import { AsyncLocalStorage } from "node:async_hooks";
import { makeFunctionReference, type FunctionReference, type UserIdentity } from "convex/server";
import type { ConvexError, Value } from "convex/values";
import { convexTest } from "convex-test";
import { loadSchema, type AnyTestConvex, type ConvexApp, type ModuleGlob } from "../app.js";
import { canonicalPath, isOfKind, listFunctions, preload, type Functions } from "../functions.js";
import { captureInternals } from "./internals.js";
import { newRun, Tracking, type Run } from "./tracking.js";
import type { Commit, FunctionCall, FunctionKind, Outcome, ReadSet, Runtime } from "../runtime.js";

const NANOSECONDS_PER_MS = 1_000_000n;

/** Error data crosses realms (vite's module runner), so ConvexError marks itself with a symbol. */
const CONVEX_ERROR = Symbol.for("ConvexError");

/**
 * Loads an app into convex-test. What convex-test does not do, this runtime does not do: no
 * optimistic concurrency control (transactions run one after the other), read sets of whole tables,
 * limits per transaction but none per document, no cron jobs, no file URLs, and a mutation whose
 * `returns` validator fails stays committed.
 */
export async function createConvexTestRuntime(app: ConvexApp): Promise<Runtime> {
  const modules = await preload(app.modules);
  const schema = await loadSchema(modules);
  const t = convexTest({ ...(schema && { schema }), modules, transactionLimits: true });
  for (const [path, component] of registeredComponents(t, app.register)) {
    t.registerComponent(path, component.schema, await preload(component.modules));
  }
  return convexTestRuntime(t, await listFunctions(modules));
}

interface RegisteredComponent {
  schema: Parameters<AnyTestConvex["registerComponent"]>[1];
  modules: ModuleGlob;
}

/** What `register` would register. */
function registeredComponents(
  t: AnyTestConvex,
  register: ConvexApp["register"],
): Map<string, RegisteredComponent> {
  const components = new Map<string, RegisteredComponent>();
  register?.({
    ...t,
    registerComponent: (path, schema, modules) => void components.set(path, { schema, modules }),
  });
  return components;
}

function convexTestRuntime(t: AnyTestConvex, functions: Functions): Runtime {
  const internals = captureInternals(t);
  const { transactionManager } = internals;
  // Whoever calls may have been woken by a commit, deep inside convex-test's contexts. A call that
  // inherited them would run in the component, or nested in the transaction, that caused it.
  const outside = AsyncLocalStorage.snapshot();
  const listeners = new Set<(commit: Commit) => void>();
  const tracking = new Tracking(internals, (commit) => {
    for (const listener of listeners) listener(commit);
  });
  // Like a real deployment, an empty database already has a time: zero would mean "before all".
  transactionManager._lastCommitTs = BigInt(Date.now()) * NANOSECONDS_PER_MS;

  const as = (identity: UserIdentity | null) => (identity === null ? t : t.withIdentity(identity));
  const settle = (run: Run, call: () => Promise<unknown>) =>
    outside(() => tracking.runs.run(run, () => toOutcome(call)));

  return {
    isPublic: (kind, path) => {
      const fn = functions.get(canonicalPath(path));
      return fn !== undefined && fn.isPublic === true && isOfKind(fn, kind);
    },

    snapshot: async (body) => {
      const release = await tracking.lock.acquire();
      try {
        return await body({
          ts: transactionManager._lastCommitTs,
          runQuery: async (call, journal) => {
            const run = newRun({ holdsLock: true, pageEndBefore: journal });
            const outcome = await settle(run, () =>
              as(call.identity).query(reference<"query">(call), call.args),
            );
            return { outcome, reads: tableReads(run.reads), journal: run.pageEnd };
          },
        });
      } finally {
        release();
      }
    },

    runMutation: async (call) => {
      const run = newRun();
      const outcome = await settle(run, () =>
        as(call.identity).mutation(reference<"mutation">(call), call.args),
      );
      return { outcome, ts: run.commitTs };
    },

    runAction: (call) =>
      settle(newRun(), () => as(call.identity).action(reference<"action">(call), call.args)),

    handleHttp: async () => null,
    metrics: null,

    onCommit: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    open: async (dataFolder) => {
      if (dataFolder !== null) throw new Error("convex-test keeps its data in memory only.");
    },

    close: () => tracking.close(),
  };
}

function reference<Kind extends FunctionKind>({ path }: FunctionCall): FunctionReference<Kind> {
  return makeFunctionReference<Kind>(canonicalPath(path));
}

function tableReads(tables: ReadonlySet<string>): ReadSet {
  return {
    isTouchedBy: (commit) =>
      commit.writes.some(({ component, table }) => tables.has(`${component}/${table}`)),
  };
}

async function toOutcome(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { type: "value", value: ((await call()) ?? null) as Value };
  } catch (error) {
    return failure(error);
  }
}

/**
 * Worded as Convex words it for a development deployment, but for its request id: a query that
 * fails again in the same way has not changed.
 */
function failure(error: unknown): Outcome {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const outcome: Outcome = {
    type: "error",
    message: `Server Error\nUncaught ${name}: ${message}`,
  };
  return isConvexError(error) ? { ...outcome, data: error.data } : outcome;
}

function isConvexError(error: unknown): error is ConvexError<Value> {
  return typeof error === "object" && error !== null && CONVEX_ERROR in error;
}
