import { v } from "convex/values";
import type { CommitTsPlaceholder } from "convex/values";
import { streamEntryValidator, streamPageValidator } from "../shared/wire.js";
import { mutation, query, type MutationCtx, type QueryCtx } from "./_generated/server.js";
import { readEntry } from "./bytes.js";
import { StatisticsDeltas } from "./statisticsDeltas.js";
import { timeOf } from "./clock.js";
import { insertEntry, sizeOf, type Entry } from "./entries.js";
import { readLive, tombstonesSince, type PartName } from "./generations.js";
import { readPage } from "./page.js";
import { planCompaction, thresholds } from "./plan.js";
import { Clearing } from "./removal.js";

/**
 * What is read of one document at most: more than compaction leaves of any (6 MiB), and so little that a
 * removal or a compaction in the same transaction stays below the 16 MiB that Convex reads (S8).
 */
const MAX_LIVE = { rows: 8_000, bytes: 7 * 1024 * 1024 };
/** Bytes of updates that are read of a longer one, of which only removing it can make use. */
const MAX_BYTES_OF_LONGER = 2 * 1024 * 1024;

const partState = v.object({
  /** The newest generation, live or ended; 0 when the document was never there. */
  generation: v.number(),
  live: v.boolean(),
  /** What the live generation consists of, in log order; only the oldest of it unless `whole`. */
  updates: v.array(v.bytes()),
  /** Whether all of the live generation could be read. */
  whole: v.boolean(),
  /** The ended generations that were asked for and the log still knows, with the states they ended in. */
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
    /** For each document the generation from which on ended ones are told; none without it. */
    endedSince: v.optional(v.array(v.number())),
    /** For `long`: what makes a log long. */
    compaction: v.optional(thresholds),
  },
  returns: v.array(partState),
  handler: async (ctx, { collection, part, documents, endedSince, compaction }) =>
    Promise.all(
      documents.map(async (document, index) => {
        const name = { collection, document, part };
        const { generation, live, entries, whole } = await readLive(ctx, name, MAX_LIVE);
        const since = endedSince?.[index] ?? Infinity;
        const hasEnded = since <= (live ? generation - 1 : generation) && generation > 0;
        return {
          generation,
          live,
          updates: await readAll(ctx, whole ? entries : beginningOf(entries)),
          whole,
          ended: hasEnded ? await endedOf(ctx, name, since) : [],
          long:
            compaction !== undefined &&
            planCompaction(entries, timeOf(ctx), compaction, Infinity).length > 0,
        };
      }),
    ),
});

const readAll = (ctx: QueryCtx, entries: readonly Entry[]) =>
  Promise.all(entries.map((entry) => readEntry(ctx, entry.rows)));

/** What is in a long log up to any entry builds on nothing after it. */
function beginningOf(entries: readonly Entry[]): Entry[] {
  let bytes = 0;
  const after = entries.findIndex((entry) => (bytes += sizeOf(entry)) > MAX_BYTES_OF_LONGER);
  return after === -1 ? [...entries] : entries.slice(0, Math.max(1, after));
}

async function endedOf(ctx: QueryCtx, name: PartName, since: number) {
  const ended = await tombstonesSince(ctx, name, since);
  const stateVectors = await readAll(ctx, ended);
  return ended.map(({ head: { generation } }, index) => ({
    generation,
    stateVector: stateVectors[index]!,
  }));
}

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
    const deltas = new StatisticsDeltas(collection);
    const clearing = new Clearing(ctx, deltas);
    const nextChunk = new Map<string, number>();
    for (const { bytes, begins, ...head } of entries) {
      if (begins) deltas.add(head.scope, head.document, { documents: 1 });
      const keeps = head.kind === "tombstone" ? await clearing.clear(head, keep) : keep;
      const group = JSON.stringify([head.document, head.part]);
      const chunk = nextChunk.get(group) ?? (await chunksSoFar(ctx, collection, head));
      const place = { collection, ...head, ts: ctx.db.vars.commitTs, ...(keeps && { keep: true }) };
      nextChunk.set(group, await insertEntry(ctx, deltas, place, bytes, chunk));
    }
    await deltas.save(ctx);
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
