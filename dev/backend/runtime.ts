import type { UserIdentity } from "convex/server";
import type { Value } from "convex/values";

/**
 * What runs an app's functions. The protocol layers know nothing below this file, so the engine
 * behind it can be exchanged.
 */
export interface Runtime {
  /** Whether clients may call this path as that kind of function: internal ones are not found. */
  isPublic(kind: FunctionKind, path: string): boolean;

  /**
   * Gives `body` a view of the data in which nothing changes until it returns: every query it runs
   * sees exactly the commits up to `snapshot.ts`.
   */
  snapshot<T>(body: (snapshot: Snapshot) => Promise<T>): Promise<T>;

  /**
   * `requestKey` names the client's request: one that has committed is not run again, and gets the
   * same answer. Runtimes that keep data keep this with it.
   */
  runMutation(call: FunctionCall, requestKey?: string): Promise<MutationRun>;
  runAction(call: FunctionCall): Promise<Outcome>;

  /** Lets the app's `http.ts` answer; `null` when it has no route for the request. */
  handleHttp(request: Request, identity: UserIdentity | null): Promise<Response | null>;

  /** What functions cost; `null` when the runtime does not measure. */
  readonly metrics: RuntimeMetrics | null;

  /**
   * Tells about each commit, in order and before the mutation's promise settles. Listeners only
   * take note: they are called in the middle of a commit and must not call the runtime.
   */
  onCommit(listener: (commit: Commit) => void): () => void;

  /**
   * Begins with the data in the folder, and keeps it there; `null` keeps nothing. Goes on with what
   * an earlier process had scheduled. Called once, before anything else runs.
   */
  open(dataFolder: string | null): Promise<void>;

  /** Lets the running transaction finish; nothing runs afterwards. */
  close(): Promise<void>;
}

export interface RuntimeMetrics {
  /** By path, those of components as `replicate/log:append`. */
  get(path: string): FunctionMetrics;
  all(): Record<string, FunctionMetrics>;
  reset(): void;
}

/** What the runs of one function came to, with everything they called. */
export interface FunctionMetrics {
  /** Top-level runs and attempts: re-runs of subscriptions and scheduled ones included. */
  calls: number;
  /** Calls from other functions, as part of their transaction. */
  nestedCalls: number;
  failures: number;
  /** Attempts that found their reads overwritten. */
  conflicts: number;
  /** Attempts after the first. */
  retries: number;
  /** Query results that were taken from the cache. */
  cacheHits: number;
  /** Index ranges: each `db.get` and each `db.query`. */
  databaseQueries: number;
  documentsRead: number;
  bytesRead: number;
  documentsWritten: number;
  bytesWritten: number;
  functionsScheduled: number;
  scheduledFunctionArgsBytes: number;
}

export type FunctionKind = "query" | "mutation" | "action";

export type FunctionArgs = Record<string, Value>;

export interface FunctionCall {
  /** `folder/module:export`, as `getFunctionName` gives it. */
  path: string;
  args: FunctionArgs;
  /** Who calls; `null` for nobody. */
  identity: UserIdentity | null;
}

export type Outcome =
  | { type: "value"; value: Value }
  /** The function threw. `data` is what a ConvexError carried. */
  | { type: "error"; message: string; data?: Value };

export interface MutationRun {
  outcome: Outcome;
  /** When the mutation's writes became visible; `null` when it was rolled back. */
  ts: bigint | null;
}

export interface Snapshot {
  ts: bigint;
  runQuery(call: FunctionCall, journal: string | null): Promise<QueryRun>;
}

export interface QueryRun {
  outcome: Outcome;
  reads: ReadSet;
  /**
   * Decisions a re-run has to repeat: where a paginated query's page ended, so that a page grows
   * and shrinks in place instead of leaving gaps to its neighbours.
   */
  journal: string | null;
}

export interface ReadSet {
  /** Whether running the query again after this commit may give another result. */
  isTouchedBy(commit: Commit): boolean;
}

export interface Commit {
  ts: bigint;
  writes: readonly DocumentWrite[];
}

export interface DocumentWrite {
  /** Path of the component instance; `""` is the app itself. */
  component: string;
  table: string;
  id: string;
  /** The whole document with its system fields; `null` when it was deleted. */
  document: Record<string, Value> | null;
}
