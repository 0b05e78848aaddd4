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
