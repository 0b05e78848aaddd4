import type { CommitTsPlaceholder } from "convex/values";
import type { Doc } from "./_generated/dataModel.js";
import type { MutationCtx } from "./_generated/server.js";
import { slices, storeSlice } from "./bytes.js";
import type { StatisticsDeltas } from "./statisticsDeltas.js";

/** One update or tombstone: `head` is the first of its rows. */
export type Entry<Row = Doc<"updates">> = { head: Row; rows: Row[] };

/** Joins log rows, given in index order, into entries; an entry whose last row is missing is left out. */
export function groupEntries<Row extends { last: boolean }>(rows: readonly Row[]): Entry<Row>[] {
  const entries: Entry<Row>[] = [];
  let open: Row[] = [];
  for (const row of rows) {
    open.push(row);
    if (!row.last) continue;
    entries.push({ head: open[0]!, rows: open });
    open = [];
  }
  return entries;
}

/** Bytes of the update that an entry carries. */
export function sizeOf({ rows }: Entry): number {
  return rows.reduce((total, row) => total + row.size, 0);
}

type Head = Pick<
  Doc<"updates">,
  "collection" | "scope" | "document" | "part" | "generation" | "kind" | "keep" | "replaces"
> & { ts: bigint | CommitTsPlaceholder };

/**
 * Writes an entry in as many rows as its bytes need, from place `chunk` on.
 *
 * @returns the place after it.
 */
export async function insertEntry(
  ctx: MutationCtx,
  deltas: StatisticsDeltas,
  head: Head,
  bytes: ArrayBuffer,
  chunk: number,
): Promise<number> {
  deltas.add(head.scope, head.document, { entries: 1, bytes: bytes.byteLength });
  const pieces = slices(bytes);
  for (const [index, piece] of pieces.entries()) {
    const last = index === pieces.length - 1;
    const stored = await storeSlice(ctx, piece);
    await ctx.db.insert("updates", { ...head, chunk: chunk + index, last, ...stored });
  }
  return chunk + pieces.length;
}

/** Deletes a log row with the bytes that it refers to. */
export async function deleteRow(ctx: MutationCtx, deltas: StatisticsDeltas, row: Doc<"updates">) {
  if (row.payload) await ctx.db.delete("payloads", row.payload);
  await takeOut(ctx, deltas, row);
}

/** Moves a log row to `history`; its large bytes stay where they are. */
export async function moveToHistory(
  ctx: MutationCtx,
  deltas: StatisticsDeltas,
  row: Doc<"updates">,
) {
  const { _id, _creationTime, ...kept } = row;
  await ctx.db.insert("history", kept);
  await takeOut(ctx, deltas, row);
}

async function takeOut(ctx: MutationCtx, deltas: StatisticsDeltas, row: Doc<"updates">) {
  deltas.add(row.scope, row.document, { entries: row.last ? -1 : 0, bytes: -row.size });
  await ctx.db.delete("updates", row._id);
}
