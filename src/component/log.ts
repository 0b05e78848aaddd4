import { v } from "convex/values";
import type { CommitTsPlaceholder } from "convex/values";
import type { Doc } from "./_generated/dataModel.js";
import { streamEntryValidator, streamPageValidator } from "../shared/wire.js";
import { mutation, query, type MutationCtx } from "./_generated/server.js";
import { readEntry } from "./bytes.js";
import { Changes } from "./changes.js";
import { timeOf } from "./clock.js";
import { deleteRow, insertEntry, keepRow, livesOf } from "./entries.js";
import { readPage } from "./page.js";
import { planCompaction, thresholds } from "./plan.js";

/** Log rows that one removal deletes at most; what is left over, its tombstone outdates. */
const MAX_ROWS_CLEARED = 4_000;

const partState = v.object({
  /** The newest generation, live or ended; 0 when the document was never there. */
  generation: v.number(),
  live: v.boolean(),
  /** What the live generation consists of, in log order. */
  updates: v.array(v.bytes()),
  /** Every ended generation that the log still knows, with the state it ended in. */
  ended: v.array(v.object({ generation: v.number(), stateVector: v.bytes() })),
  /** Whether `compaction.compact` has something to do. */
  long: v.boolean(),
});

/** The state of one part of each document, in the order asked for. */
export const read = query({
  args: {
    collection: v.string(),
    part: v.string(),
    documents: v.array(v.string()),
    /** For `long`: what makes a log long. */
    compaction: v.optional(thresholds),
  },
  returns: v.array(partState),
  handler: async (ctx, { collection, part, documents, compaction }) =>
    Promise.all(
      documents.map(async (document) => {
        const { generation, live, ended } = await livesOf(ctx, { collection, document, part });
        return {
          generation,
          live: live.length > 0,
          updates: await Promise.all(live.map((entry) => readEntry(ctx, entry.rows))),
          ended: await Promise.all(
            ended.map(async (entry) => ({
              generation: entry.head.generation,
              stateVector: await readEntry(ctx, entry.rows),
            })),
          ),
          long:
            compaction !== undefined &&
            planCompaction(live, timeOf(ctx), compaction, Infinity).length > 0,
        };
      }),
    ),
});

/** A page as `streamPageValidator` has it, before the app adds rows and whom it is for. */
const logPage = streamPageValidator
  .omit("identity", "entries")
  .extend({ entries: v.array(streamEntryValidator.omit("row")) });

/** A page of one scope's log after a cursor, bounded in rows and bytes. */
export const stream = query({
  args: {
    collection: v.string(),
    scope: v.string(),
    cursor: v.union(v.string(), v.null()),
    maxRows: v.optional(v.number()),
    maxBytes: v.optional(v.number()),
    stubs: v.optional(v.boolean()),
  },
  returns: logPage,
  handler: readPage,
});

const entry = v.object({
  scope: v.string(),
  document: v.string(),
  part: v.string(),
  generation: v.number(),
  kind: v.union(v.literal("update"), v.literal("tombstone")),
  /** Whether the generation begins with it, so that there is one document more. */
  begins: v.boolean(),
  /** A Yjs update (V1), or for a tombstone the state vector of the generation it ends. */
  bytes: v.bytes(),
});

/**
 * Appends entries, all at the commit timestamp of the calling mutation. Reads no counter and no
 * range that another document's writer touches, so such writers never conflict (S1).
 */
export const append = mutation({
  args: {
    collection: v.string(),
    entries: v.array(entry),
    /** Whether they stay readable as old versions. */
    keep: v.optional(v.boolean()),
  },
  returns: v.commitTs(),
  handler: async (ctx, { collection, entries, keep }): Promise<bigint | CommitTsPlaceholder> => {
    const changes = new Changes(collection);
    const nextChunk = new Map<string, number>();
    for (const { bytes, begins, ...head } of entries) {
      if (begins) changes.add(head.scope, head.document, { documents: 1 });
      const keeps =
        head.kind === "tombstone"
          ? await clearGeneration(ctx, changes, head.document, head.generation, keep)
          : keep;
      const group = JSON.stringify([head.document, head.part]);
      const chunk = nextChunk.get(group) ?? (await chunksSoFar(ctx, collection, head));
      const place = { collection, ...head, ts: ctx.db.vars.commitTs, ...(keeps && { keep: true }) };
      nextChunk.set(group, await insertEntry(ctx, changes, place, bytes, chunk));
    }
    await changes.save(ctx);
    return ctx.db.vars.commitTs;
  },
});

/**
 * Rows that earlier calls in the same transaction appended for a part: entries that shared a place
 * would be skipped by cursors, and those of several rows would mix. It reads nothing committed.
 */
async function chunksSoFar(
  ctx: MutationCtx,
  collection: string,
  { document, part }: { document: string; part: string },
): Promise<number> {
  const newest = await ctx.db
    .query("updates")
    .withIndex("by_document", (q) =>
      q
        .eq("collection", collection)
        .eq("document", document)
        .eq("part", part)
        .eq("ts", ctx.db.vars.commitTs),
    )
    .order("desc")
    .first();
  return newest ? newest.chunk + 1 : 0;
}

/**
 * Takes the updates of a generation that ends out of the log; its tombstone alone speaks for it from now
 * on. They stay as history if the removal is to, or any of them was written to stay.
 *
 * @returns whether they stay.
 */
async function clearGeneration(
  ctx: MutationCtx,
  changes: Changes,
  document: string,
  generation: number,
  keep = false,
): Promise<boolean> {
  const rows: Doc<"updates">[] = await ctx.db
    .query("updates")
    .withIndex("by_document", (q) =>
      q.eq("collection", changes.collection).eq("document", document),
    )
    .take(MAX_ROWS_CLEARED);
  const ended = rows.find((row) => row.kind === "update" && row.generation === generation);
  if (ended) changes.add(ended.scope, document, { documents: -1 });
  const cleared = rows.filter((row) => row.kind === "update" && row.generation <= generation);
  const keeps = keep || cleared.some((row) => row.keep);
  for (const row of cleared) {
    // What a snapshot replaced is there already.
    if (keeps && !row.replaces) await keepRow(ctx, changes, row);
    else await deleteRow(ctx, changes, row);
  }
  return keeps;
}
