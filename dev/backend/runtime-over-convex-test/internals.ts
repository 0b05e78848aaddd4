import { AsyncLocalStorage } from "node:async_hooks";
import type { Value } from "convex/values";

/**
 * The private parts of convex-test 0.0.60 that we hook into. It offers no other way to learn what a
 * function read, when it committed, or to put documents back under their own ids.
 */
export interface ConvexTestInternals {
  components: Record<string, { db: FakeDatabase }>;
  transactionManager: FakeTransactionManager;
}

export type Document = Record<string, Value> & { _id: string; _creationTime: number };

export interface FakeDatabase {
  _documents: Record<string, Document>;
  /** One layer of uncommitted writes per level of nesting; `null` deletes. */
  _writes: Record<string, Document | null>[];
  _nextDocId: number;
  _lastCreationTime: number;
  _resolveQuerySource(query: { source: QuerySource }): unknown;
  get(table: string | undefined, id: string): Document | null;
  paginate(args: PaginateArgs): { continueCursor: string };
  patch(table: string, id: string, value: Record<string, unknown>): void;
}

export type QuerySource = { tableName: string } | { indexName: string };

export interface PaginateArgs {
  endCursor?: string | null;
}

export interface FakeTransactionManager {
  _lastCommitTs: bigint;
  begin(isNested: boolean, limits?: unknown): Promise<void>;
  /** The commit timestamp, or `null` when a nested transaction joined its parent. */
  commit(isNested: boolean): bigint | null;
  _endTransaction(isNested: boolean): void;
}

/**
 * Every method of a `convexTest` object enters an AsyncLocalStorage whose value is the engine's
 * state: one call is enough to catch it.
 */
export function captureInternals(t: {
  finishInProgressScheduledFunctions(): Promise<void>;
}): ConvexTestInternals {
  const run = AsyncLocalStorage.prototype.run;
  let internals: ConvexTestInternals | undefined;
  AsyncLocalStorage.prototype.run = function (this: unknown, store: unknown, ...rest: unknown[]) {
    if (isInternals(store)) internals ??= store;
    return Reflect.apply(run, this, [store, ...rest]);
  } as typeof run;
  try {
    void t.finishInProgressScheduledFunctions();
  } finally {
    AsyncLocalStorage.prototype.run = run;
  }
  if (internals === undefined) {
    throw new Error(
      "convex-test keeps its state elsewhere than in 0.0.60: dev/backend/runtime-over-convex-test/internals.ts has to follow.",
    );
  }
  return internals;
}

/** convex-test's ids end in the table's name: `0000…10000tasks`. */
export function tableOfId(id: string): string {
  return id.replace(/^[0-9]+/, "");
}

export function tableOfSource(source: QuerySource): string {
  return "tableName" in source ? source.tableName : source.indexName.split(".", 1)[0]!;
}

function isInternals(store: unknown): store is ConvexTestInternals {
  return (
    typeof store === "object" &&
    store !== null &&
    "components" in store &&
    "transactionManager" in store
  );
}
