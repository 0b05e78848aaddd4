import type { GenericDataModel, GenericMutationCtx, GenericQueryCtx } from "convex/server";
import type { Fields, Row } from "../shared/fields.js";
import type { RateLimitHook } from "./rate-limit.js";

/** One document's change as the server will store it: derived from the bytes, never claimed. */
export type RowChange<F extends Fields> =
  | { op: "insert"; id: string; prev: null; next: Row<F> }
  | { op: "update"; id: string; prev: Row<F>; next: Row<F> }
  | { op: "remove"; id: string; prev: Row<F>; next: null };

/**
 * Your say in what is synced. Throw a `ConvexError` to refuse; its data may be a message or
 * `{ code, message }`, which reaches the client with the refused row.
 */
export type Hooks<F extends Fields, DataModel extends GenericDataModel> = {
  /**
   * Is this push too much, or too soon? Runs once per push, before anything of it is decoded; what it
   * writes is undone when it throws. Clients are told `RATE_LIMITED` and send again later, less at a
   * time: after `retryAfterMs` (or `retryAfter`, in ms), where the data of the error has it.
   */
  rateLimit?: RateLimitHook<DataModel>;
  /**
   * May the caller read this collection? Runs once per query and once per push, before anything is read. A
   * throw refuses the query, or every document of the push. `scope` is `""` for now: a collection is read
   * as a whole.
   */
  evalRead?(ctx: GenericQueryCtx<DataModel>, read: { scope: string }): Promise<void> | void;
  /**
   * May the caller make this change? Runs for every document of a push before any is written; a
   * refusal concerns that document alone. Without it, whoever may read may also write.
   *
   * It is asked about everything that adds to a document's history, also where `next` equals `prev`: the
   * same value may be written once more, or a change may have lost against a later one. Documents have
   * room for only so much history, so refuse these, too, from those who may change nothing: compare who
   * is asking first, and `prev` with `next` only after that.
   */
  evalWrite?(ctx: GenericQueryCtx<DataModel>, change: RowChange<F>): Promise<void> | void;
  /** Runs in the same transaction, after the row was inserted. A throw undoes the whole push. */
  onInsert?(
    ctx: GenericMutationCtx<DataModel>,
    change: Extract<RowChange<F>, { op: "insert" }>,
  ): Promise<void> | void;
  /** Runs in the same transaction, after the row was updated. A throw undoes the whole push. */
  onUpdate?(
    ctx: GenericMutationCtx<DataModel>,
    change: Extract<RowChange<F>, { op: "update" }>,
  ): Promise<void> | void;
  /** Runs in the same transaction, after the row was removed. A throw undoes the whole push. */
  onRemove?(
    ctx: GenericMutationCtx<DataModel>,
    change: Extract<RowChange<F>, { op: "remove" }>,
  ): Promise<void> | void;
};

/** A mutation's context without its means to write, for `eval…` hooks (S4). */
export function readOnly<DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
): GenericQueryCtx<DataModel> {
  const { db, auth, storage, meta } = ctx;
  const reader = {
    get: db.get.bind(db),
    query: db.query.bind(db),
    normalizeId: db.normalizeId.bind(db),
    system: db.system,
  };
  const files = {
    getUrl: storage.getUrl.bind(storage),
    getMetadata: storage.getMetadata.bind(storage),
  };
  return {
    db: reader,
    auth,
    meta,
    storage: files,
    runQuery: ctx.runQuery,
  } as unknown as GenericQueryCtx<DataModel>;
}
