import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import { getConvexSize } from "convex/values";
import { MAX_ROW_WEIGHT } from "../shared/limits.js";
import type { RowFields } from "../shared/operations.js";
import type { StreamEntry } from "../shared/wire.js";
import { measure } from "../shared/weight.js";
import { findRow, type StoredRow } from "./rows.js";

/**
 * Bytes and weight of rows that go beside a page of entries, and rows read at once. With the entries' own
 * bytes, at most 10 of the 16 MiB that Convex reads in a query; and what is read in vain, because it weighs
 * too much, takes 0.6 s at most, even of rows that are heavier than clients can make them (S8).
 */
const ROWS_BYTES = 2 * 1024 * 1024;
const ROWS_WEIGHT = 2 * MAX_ROW_WEIGHT;
const ROWS_AT_ONCE = 4;

/** Adds to each document's last entry its row as it is now, as far as there is room (C8). */
export async function withRows(
  { db }: Pick<GenericQueryCtx<GenericDataModel>, "db">,
  table: string,
  entries: StreamEntry[],
  visible: (row: StoredRow) => RowFields,
): Promise<StreamEntry[]> {
  const last = [...new Map(entries.map((entry, index) => [entry.document, index]))];
  const result = [...entries];
  let bytes = 0;
  let weight = 0;
  while (last.length > 0 && bytes < ROWS_BYTES && weight < ROWS_WEIGHT) {
    const some = last.splice(0, ROWS_AT_ONCE);
    const rows = await Promise.all(some.map(([id]) => findRow(db, table, id)));
    for (const [n, [, index]] of some.entries()) {
      const row = rows[n];
      if (!row) continue;
      bytes += getConvexSize(row);
      weight += measure(row).weight;
      if (weight > ROWS_WEIGHT) break;
      result[index] = { ...entries[index]!, row: visible(row) };
    }
  }
  return result;
}
