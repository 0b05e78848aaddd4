import type { Value } from "convex/values";
import type { CompiledFields } from "../shared/compiled-fields.js";
import { applyOperations, unflatten, type FlatRow, type RowFields } from "../shared/operations.js";
import { ROOT, segmentsOf } from "../shared/paths.js";
import type { OutboxRecord } from "./store/records.js";
import type { BaseRow } from "./store/rows.js";
import { declaredOperations } from "./store/declared.js";
import { Layers } from "./local-data/view.js";

/** One field, or one key of an object or a record in it, and what a change sets it to. */
export type FieldChange = {
  /** The names on the way to it, e.g. `["details", "due"]`. */
  path: string[];
  /** What it is set to; absent when it is removed. */
  value?: Value;
};

type Item<R> = {
  /** The id of the document it changes. */
  id: string;
  op: "insert" | "update" | "remove";
  /** When it was made, in ms since the epoch by this device's clock; null when that is not known. */
  madeAt: number | null;
  /** What it sets and removes, in an order in which it can be applied; empty for a removal. */
  changes: FieldChange[];
  /**
   * The row with this change and those that it builds on; null for a removal, and where the document
   * it changes is not there. If the document disappeared when everything was loaded again, the row that
   * was here before, with this change.
   */
  row: R | null;
  /** The row as the server has it, as far as is known here; null when there is none. */
  base: R | null;
};

/** A change that waits to be stored, sent or answered. */
export type PendingChange<R> = Item<R> & {
  status: "pending";
  /** Its place in the outbox; null while it is not on disk yet. */
  seq: number | null;
};

/** A change that the server refused, and that waits for you to retry or discard it. */
export type RejectedChange<R> = Item<R> & {
  status: "rejected";
  /** Its place in the outbox, for `retry(seq)` and `discard(seq)`. */
  seq: number;
  /** Why: the `code` that your hook threw in a `ConvexError`, or one of this package. */
  code: string;
  /** The same for people, as the server said it. */
  message: string;
};

/** A local change that the server has not accepted. */
export type OutboxItem<R> = PendingChange<R> | RejectedChange<R>;

type ItemOf = OutboxItem<RowFields>;

/**
 * The outbox's items for one document.
 *
 * @param records All records of the document, oldest first.
 */
export function itemsOf(
  document: string,
  base: BaseRow | undefined,
  records: readonly OutboxRecord[],
  fields: CompiledFields,
): ItemOf[] {
  const withId = (row: RowFields | null) => row && { id: document, ...row };
  const rows = rowsOf(base, records, fields);
  return records.map((record, index) => {
    const { seq, kind, madeAt, rejected, operations } = record;
    const changes = [...declaredOperations(operations, fields.tree)].flatMap(([path, value]) =>
      path === ROOT ? [] : [{ path: segmentsOf(path), ...(value !== undefined && { value }) }],
    );
    const lost = record.row ? unflatten(record.row, fields.tree) : null;
    const row = withId(rows[index] ?? lost);
    const item = { id: document, op: kind, madeAt, changes, row, base: withId(base?.row ?? null) };
    return rejected === null || seq === null
      ? { status: "pending", seq, ...item }
      : { status: "rejected", seq, ...rejected, ...item };
  });
}

/**
 * The row after each record. A pending one builds on the pending ones before it; so does a refused
 * one, and, while there is no such document, on those that were refused before it: they were edits of
 * a row that this device alone ever had.
 */
function rowsOf(
  base: BaseRow | undefined,
  records: readonly OutboxRecord[],
  { tree }: CompiledFields,
): (RowFields | null)[] {
  const layers = new Layers(base, { tree });
  let refused: FlatRow | null = null;
  return records.map((record) => {
    if (record.rejected === null) {
      const isOver = record.kind !== "insert" && !layers.reaches(record);
      layers.apply(record);
      return isOver || layers.flat === null ? null : unflatten(layers.flat, tree);
    }
    if (record.kind === "remove") return null;
    const below: FlatRow | null = layers.flat ?? (record.kind === "insert" ? new Map() : refused);
    if (below === null) return null;
    const flat = new Map(below);
    applyOperations(flat, record.operations);
    if (layers.flat === null) refused = flat;
    return unflatten(flat, tree);
  });
}
