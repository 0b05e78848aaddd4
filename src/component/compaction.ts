import { v } from "convex/values";
import { mutation, type MutationCtx } from "./_generated/server.js";
import { readEntry } from "./bytes.js";
import { StatisticsDeltas } from "./statisticsDeltas.js";
import { timeOf } from "./clock.js";
import { deleteRow, insertEntry, moveToHistory, type Entry } from "./entries.js";
import { readLive, type Bounds } from "./generations.js";
import { bytesOf, planCompaction, planHistory, thresholds, type Thresholds } from "./plan.js";
import { snapshotOf } from "./snapshot.js";
import { toArrayBuffer } from "../shared/values.js";

/**
 * What is looked at of one document's live generation, at most, without reading payloads; the rest waits
 * for the next time. It holds two updates of any size.
 */
const MAX_READ: Bounds = { rows: 1_000, bytes: 5 * 1024 * 1024 };

/**
 * What one transaction replaces, at most, unless the first document alone is more: log rows, and bytes
 * of updates. The push that asks for it has read as much already, and Convex reads up to 16 MiB.
 */
const MAX_ROWS_REPLACED = 2_000;
const MAX_BYTES_REPLACED = 4 * 1024 * 1024;

const compacted = v.object({
  documents: v.number(),
  entries: v.number(),
  bytes: v.number(),
  /** What it has read in order to do so, in log rows and bytes. */
  read: v.object({ rows: v.number(), bytes: v.number() }),
});

/**
 * Compacts a part of some documents, as far as it is worth it and fits in one transaction.
 *
 * @returns how many documents, the entries and bytes that their snapshots have replaced, and what it took.
 */
export const compact = mutation({
  args: { collection: v.string(), part: v.string(), documents: v.array(v.string()), thresholds },
  returns: compacted,
  handler: async (ctx, { collection, part, documents, thresholds }) => {
    const total = { documents: 0, entries: 0, bytes: 0, read: { rows: 0, bytes: 0 } };
    const deltas = new StatisticsDeltas(collection);
    let rows = 0;
    for (const document of documents) {
      if (rows >= MAX_ROWS_REPLACED || total.bytes >= MAX_BYTES_REPLACED) break;
      const { replaced, read } = await compactPart(ctx, deltas, { document, part }, thresholds);
      total.read.rows += read.rows;
      // What is replaced may be read once more to delete it.
      total.read.bytes += read.bytes + bytesOf(replaced);
      if (replaced.length > 0) total.documents++;
      total.entries += replaced.length;
      total.bytes += bytesOf(replaced);
      rows += replaced.reduce((sum, entry) => sum + entry.rows.length, 0);
    }
    await deltas.save(ctx);
    return total;
  },
});

type PartName = { document: string; part: string };

/**
 * Replaces the oldest entries of a part's live generation by one snapshot, in the place right after
 * the newest of them. Hence after any cursor there is still everything that was committed after it
 * (S5): a cursor before that place finds the snapshot, one after it has seen all that is in it.
 *
 * Reads nothing newer than the transaction's snapshot, so that appending never conflicts with it.
 *
 * @returns the entries that were replaced, and what was read for it.
 */
async function compactPart(
  ctx: MutationCtx,
  deltas: StatisticsDeltas,
  { document, part }: PartName,
  thresholds: Thresholds,
): Promise<{ replaced: Entry[]; read: Bounds }> {
  const { collection } = deltas;
  const committed = ctx.meta.getSnapshotTs();
  const read = await readLive(ctx, { collection, document, part }, MAX_READ, committed);
  const live = read.whole ? read.entries : withoutNewestCommit(read.entries);
  const replaced = planCompaction(live, timeOf(ctx), thresholds, MAX_BYTES_REPLACED);
  if (replaced.length === 0) return { replaced, read };

  const updates = await Promise.all(replaced.map((entry) => readEntry(ctx, entry.rows)));
  const snapshot = snapshotOf(updates.map((update) => new Uint8Array(update)));
  const { kept, replaces } = planHistory(replaced);
  for (const entry of replaced) {
    const takeOut = kept.has(entry) ? moveToHistory : deleteRow;
    for (const row of entry.rows) await takeOut(ctx, deltas, row);
  }
  const { scope, generation, kind, ts, chunk } = replaced.at(-1)!.rows.at(-1)!;
  const head = { collection, scope, document, part, generation, kind, ts, replaces };
  await insertEntry(ctx, deltas, head, toArrayBuffer(snapshot), chunk + 1);
  return { replaced, read };
}

/** What was read of a longer log may end inside a commit, which is never parted. */
function withoutNewestCommit(entries: readonly Entry[]): Entry[] {
  const newest = entries.at(-1)?.head.ts;
  return entries.filter(({ head }) => head.ts !== newest);
}
