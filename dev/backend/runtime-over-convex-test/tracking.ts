import { AsyncLocalStorage } from "node:async_hooks";
import type { Commit, DocumentWrite } from "../runtime.js";
import {
  tableOfId,
  tableOfSource,
  type ConvexTestInternals,
  type FakeDatabase,
} from "./internals.js";
import { Mutex } from "./mutex.js";

/** What one top-level call did. It travels with the call through AsyncLocalStorage. */
export interface Run {
  /** `component/table` names. */
  reads: Set<string>;
  /** End cursor of the page to read again, and of the page that was read. */
  pageEndBefore: string | null;
  pageEnd: string | null;
  /** Runs inside a snapshot, which holds the lock already. */
  holdsLock: boolean;
  commitTs: bigint | null;
}

export function newRun(fields: Partial<Run> = {}): Run {
  return {
    reads: new Set(),
    pageEndBefore: null,
    pageEnd: null,
    holdsLock: false,
    commitTs: null,
    ...fields,
  };
}

/**
 * Hooks into convex-test to see what its calls read, commit and wait for. Top-level transactions
 * (scheduled functions included) take `lock` in turn, so holding it freezes the data.
 */
export class Tracking {
  readonly runs = new AsyncLocalStorage<Run>();
  readonly lock = new Mutex();
  #release: (() => void) | null = null;
  #closed = false;

  constructor(internals: ConvexTestInternals, onCommit: (commit: Commit) => void) {
    for (const [component, { db }] of Object.entries(internals.components)) {
      this.#trackReads(component, db);
    }
    this.#serialise(internals);
    this.#watchCommits(internals, onCommit);
  }

  async close(): Promise<void> {
    const release = await this.lock.acquire();
    this.#closed = true;
    release();
  }

  #trackReads(component: string, db: FakeDatabase): void {
    const note = (table: string) => this.runs.getStore()?.reads.add(`${component}/${table}`);
    const { _resolveQuerySource, get, paginate } = db;
    db._resolveQuerySource = (query) => {
      note(tableOfSource(query.source));
      return _resolveQuerySource.call(db, query);
    };
    db.get = (table, id) => {
      note(table ?? tableOfId(id));
      return get.call(db, table, id);
    };
    db.paginate = (args) => {
      const run = this.runs.getStore();
      const endCursor = args.endCursor ?? run?.pageEndBefore ?? null;
      const page = paginate.call(db, { ...args, endCursor });
      if (run !== undefined) run.pageEnd = page.continueCursor;
      return page;
    };
  }

  #serialise({ transactionManager }: ConvexTestInternals): void {
    const { begin, _endTransaction } = transactionManager;
    transactionManager.begin = async (isNested, limits) => {
      if (!isNested && this.runs.getStore()?.holdsLock !== true) {
        const release = await this.lock.acquire();
        // convex-test cannot take back the timer of a scheduled function: after `close` it waits
        // here for ever, instead of writing to a database nobody serves.
        if (this.#closed) await new Promise(() => {});
        this.#release = release;
      }
      await begin.call(transactionManager, isNested, limits);
    };
    transactionManager._endTransaction = (isNested) => {
      _endTransaction.call(transactionManager, isNested);
      if (isNested) return;
      this.#release?.();
      this.#release = null;
    };
  }

  #watchCommits(
    { components, transactionManager }: ConvexTestInternals,
    onCommit: (commit: Commit) => void,
  ): void {
    const { commit } = transactionManager;
    transactionManager.commit = (isNested) => {
      if (isNested) return commit.call(transactionManager, true);
      const written = Object.entries(components).map(([component, { db }]) => ({
        component,
        db,
        ids: Object.keys(db._writes.at(-1) ?? {}),
      }));
      const ts = commit.call(transactionManager, false);
      if (ts === null) return ts;
      const run = this.runs.getStore();
      if (run !== undefined) run.commitTs = ts;
      const writes = written.flatMap(({ component, db, ids }) =>
        ids.map((id): DocumentWrite => {
          const document = db._documents[id] ?? null;
          return { component, table: tableOfId(id), id, document };
        }),
      );
      onCommit({ ts, writes });
      return ts;
    };
  }
}
