import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel.js";
import { internalMutation, type MutationCtx } from "./_generated/server.js";
import { Changes } from "./changes.js";
import { deleteRow } from "./entries.js";
import { forget } from "./past.js";

/** What one call deletes at most, in log rows and in bytes of updates. */
export const MAX_ROWS_PRUNED = 1_000;
const MAX_BYTES_PRUNED = 4 * 1024 * 1024;

/**
 * Forgets that a life of a document was removed, with all that is left of it, and says so in the
 * horizon (S6). Reads that document only.
 *
 * @returns what it has deleted; unless `done` it has to be called again, and nothing is forgotten yet.
 */
export const prune = internalMutation({
  args: { collection: v.string(), document: v.string(), generation: v.number(), ts: v.int64() },
  returns: v.object({ done: v.boolean(), entries: v.number(), bytes: v.number() }),
  handler: async (ctx, life) => {
    const total = { entries: 0, bytes: 0 };
    const changes = new Changes(life.collection);
    const drop = async (row: Doc<"updates">) => {
      await deleteRow(ctx, changes, row);
      total.entries++;
      total.bytes += row.size;
    };
    const tombstone: Doc<"updates">[] = [];
    let isFull = false;
    for await (const row of rowsOf(ctx, life)) {
      const isTombstone = row.kind === "tombstone";
      if (isTombstone && row.generation === life.generation) tombstone.push(row);
      if (isTombstone || row.generation > life.generation) continue;
      isFull = total.entries >= MAX_ROWS_PRUNED || total.bytes >= MAX_BYTES_PRUNED;
      if (isFull) break;
      await drop(row);
    }
    // Only once there is nothing left which it outdates (see `clearGeneration`).
    for (const row of isFull ? [] : tombstone) {
      await drop(row);
      await forget(ctx, { ...row, ts: row.ts as bigint });
    }
    await changes.save(ctx);
    return { done: !isFull, ...total };
  },
});

/** The rows of a document up to the commit of a removal, part by part. */
async function* rowsOf(
  ctx: MutationCtx,
  { collection, document, ts }: { collection: string; document: string; ts: bigint },
): AsyncGenerator<Doc<"updates">> {
  let part: string | null = null;
  for (;;) {
    const next = await nextPart(ctx, { collection, document, part });
    if (next === null) return;
    part = next;
    yield* await ctx.db
      .query("updates")
      .withIndex("by_document", (q) =>
        q.eq("collection", collection).eq("document", document).eq("part", next).lte("ts", ts),
      )
      .take(MAX_ROWS_PRUNED + 100);
  }
}

async function nextPart(
  ctx: MutationCtx,
  { collection, document, part }: { collection: string; document: string; part: string | null },
): Promise<string | null> {
  const row = await ctx.db
    .query("updates")
    .withIndex("by_document", (q) => {
      const all = q.eq("collection", collection).eq("document", document);
      return part === null ? all : all.gt("part", part);
    })
    .first();
  return row?.part ?? null;
}
