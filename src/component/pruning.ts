import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel.js";
import { internalMutation, type MutationCtx } from "./_generated/server.js";
import { StatisticsDeltas } from "./statisticsDeltas.js";
import { deleteRow } from "./entries.js";
import { nextPart } from "./parts.js";
import { forget } from "./past.js";

/** What one call deletes at most, in log rows and in bytes of updates. */
export const MAX_ROWS_PRUNED = 1_000;
const MAX_BYTES_PRUNED = 4 * 1024 * 1024;

/**
 * Forgets that a generation of a document was removed, with all that is left of it, and says so in the
 * horizon (S6). Reads that document only.
 *
 * @returns what it has deleted; unless `done` it has to be called again, and nothing is forgotten yet.
 */
export const prune = internalMutation({
  args: { collection: v.string(), document: v.string(), generation: v.number(), ts: v.int64() },
  returns: v.object({ done: v.boolean(), entries: v.number(), bytes: v.number() }),
  handler: async (ctx, ended) => {
    const total = { entries: 0, bytes: 0 };
    const deltas = new StatisticsDeltas(ended.collection);
    const drop = async (row: Doc<"updates">) => {
      await deleteRow(ctx, deltas, row);
      total.entries++;
      total.bytes += row.size;
    };
    const tombstone: Doc<"updates">[] = [];
    let isFull = !(await dropHistory(ctx, ended, total));
    for await (const row of isFull ? [] : rowsOf(ctx, "updates", ended)) {
      const isTombstone = row.kind === "tombstone";
      if (isTombstone && row.generation === ended.generation) tombstone.push(row);
      if (isTombstone || row.generation > ended.generation) continue;
      isFull = isEnough(total);
      if (isFull) break;
      await drop(row);
    }
    // Only once there is nothing left which it outdates (see `removal.ts`).
    for (const row of isFull ? [] : tombstone) {
      await drop(row);
      await forget(ctx, { ...row, ts: row.ts as bigint });
    }
    await deltas.save(ctx);
    return { done: !isFull, ...total };
  },
});

type Ended = { collection: string; document: string; generation: number; ts: bigint };
type Total = { entries: number; bytes: number };

const isEnough = ({ entries, bytes }: Total) =>
  entries >= MAX_ROWS_PRUNED || bytes >= MAX_BYTES_PRUNED;

/** Deletes the old versions of a generation and those before it, and says whether that was all. */
async function dropHistory(ctx: MutationCtx, ended: Ended, total: Total): Promise<boolean> {
  for await (const row of rowsOf(ctx, "history", ended)) {
    if (isEnough(total)) return false;
    if (row.payload) await ctx.db.delete("payloads", row.payload);
    await ctx.db.delete("history", row._id);
    total.entries++;
    total.bytes += row.size;
  }
  return true;
}

/** The rows of a document up to the commit of a removal, part by part. */
async function* rowsOf<Table extends "updates" | "history">(
  ctx: MutationCtx,
  table: Table,
  { collection, document, ts }: Ended,
): AsyncGenerator<Doc<Table>> {
  let part: string | null = null;
  for (;;) {
    const next = await nextPart(ctx, table, { collection, document, part });
    if (next === null) return;
    part = next;
    const rows = await ctx.db
      .query(table as "updates" | "history")
      .withIndex("by_document", (q) =>
        q.eq("collection", collection).eq("document", document).eq("part", next).lte("ts", ts),
      )
      .take(MAX_ROWS_PRUNED + 100);
    yield* rows as unknown as Doc<Table>[]; // both tables have the same rows and indexes
  }
}
