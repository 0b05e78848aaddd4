import { compareValues, v } from "convex/values";
import { internal } from "./_generated/api.js";
import type { Doc } from "./_generated/dataModel.js";
import { internalMutation, mutation, query, type MutationCtx } from "./_generated/server.js";
import { later, NS_PER_MS } from "./clock.js";
import {
  beginCount,
  countOf,
  giveUpCount,
  nextBatch,
  statisticOf,
  takeBatch,
  unfinishedCount,
} from "./count.js";
import { totals, NOTHING, plus } from "./totals.js";
import { countReport } from "./schema.js";

/** Deltas that one step counts in, and documents in them. */
const STEP_CHANGES = 500;
const STEP_DOCUMENTS = 10_000;

/**
 * The totals of one scope as they were `asOf`, in ms since the epoch; null while the collection was
 * never counted. Reads three documents, however large the collection is.
 */
export const read = query({
  args: { collection: v.string(), scope: v.string() },
  returns: v.union(v.null(), v.object({ ...totals.fields, asOf: v.number() })),
  handler: async (ctx, { collection, scope }) => {
    const count = await countOf(ctx, collection);
    if (!count?.complete) return null;
    const { documents, entries, bytes } = (await statisticOf(ctx, collection, scope)) ?? NOTHING;
    const fold = await ctx.db.query("folds").first();
    return { documents, entries, bytes, asOf: Number((fold?.ts ?? 0n) / NS_PER_MS) };
  },
});

/**
 * Counts the log of a collection, and reports how far its statistics were off. Goes through it in
 * steps, from where it was after a crash, while writes go on and conflict with nothing.
 */
export const verify = mutation({
  args: { collection: v.string() },
  returns: v.null(),
  handler: async (ctx, { collection }) => {
    await beginCount(ctx, collection, false);
    await foldNow(ctx);
    return null;
  },
});

/** Does what `verify` does, and sets the statistics right. */
export const repair = mutation({
  args: { collection: v.string() },
  returns: v.null(),
  handler: async (ctx, { collection }) => {
    await beginCount(ctx, collection, true);
    await foldNow(ctx);
    return null;
  },
});

/** What the last count of a collection came to, or has come to so far; null when there was none. */
export const lastCount = query({
  args: { collection: v.string() },
  returns: v.union(v.null(), v.object(countReport)),
  handler: async (ctx, { collection }) => {
    const count = await countOf(ctx, collection);
    if (count === null) return null;
    const { startedAt, finishedAt, mends, rows, drifts, failure } = count;
    return { startedAt, finishedAt, mends, rows, drifts, failure };
  },
});

/**
 * Brings the statistics up to date, and goes on with a count that stopped. A collection that has none
 * yet, because it is new or older than the statistics, is counted first.
 */
export const fold = mutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    await foldNow(ctx);
    return null;
  },
});

/** Goes on with a fold, unless another has begun since. */
export const foldMore = internalMutation({
  args: { run: v.number() },
  returns: v.null(),
  handler: async (ctx, { run }) => {
    const last = await ctx.db.query("folds").first();
    if (last?.run === run) await step(ctx, last);
    return null;
  },
});

async function foldNow(ctx: MutationCtx) {
  const last = await ctx.db.query("folds").first();
  await step(ctx, last && { ...last, run: last.run + 1 });
}

/**
 * Counts in the oldest changes. What it has counted in it deletes in the same transaction, so that no
 * crash and no repetition counts anything twice.
 *
 * A running count advances in the same transaction, once the statistics include every change up to the
 * snapshot that it reads. So the count and the statistics always describe the same moment, for all
 * documents that the count has visited, and it may take as long as it likes.
 */
async function step(ctx: MutationCtx, last: Doc<"folds"> | null) {
  const count = await unfinishedCount(ctx);
  const batch = count && (await nextBatch(ctx, count));
  const counted = batch === null || typeof batch === "string" ? null : batch;
  const until = counted?.ts ?? ctx.meta.getSnapshotTs();
  const { changes, all } = await changesUntil(ctx, until);
  if (changes.length === 0 && count === null) return;

  await countIn(ctx, changes);
  if (count && typeof batch === "string") await giveUpCount(ctx, count, batch);
  // An older snapshot than the statistics tell of says nothing about them.
  else if (count && counted && all && until >= (last?.ts ?? 0n)) {
    await takeBatch(ctx, count, counted);
  }
  const ts = all ? until : (changes.at(-1)!.ts as bigint);
  const { run } = last ?? { run: 1 };
  if (last) await ctx.db.patch("folds", last._id, { ts: later(ts, last.ts), run });
  else await ctx.db.insert("folds", { ts, run });
  const more = !all || (await unfinishedCount(ctx)) !== null;
  if (more) await ctx.scheduler.runAfter(0, internal.statistics.foldMore, { run });
}

/** The oldest changes of which none is newer than `until`, which is why no push conflicts with this. */
async function changesUntil(ctx: MutationCtx, until: bigint) {
  const changes: Doc<"statisticsDeltas">[] = [];
  let documents = 0;
  const oldest = ctx.db.query("statisticsDeltas").withIndex("by_ts", (q) => q.lte("ts", until));
  for await (const change of oldest) {
    documents += change.documents.length;
    if (changes.length === STEP_CHANGES || (changes.length > 0 && documents > STEP_DOCUMENTS)) {
      return { changes, all: false };
    }
    changes.push(change);
  }
  return { changes, all: true };
}

async function countIn(ctx: MutationCtx, changes: readonly Doc<"statisticsDeltas">[]) {
  const scopes = new Map<string, Doc<"statisticsDeltas">[]>();
  for (const change of changes) {
    const name = JSON.stringify([change.collection, change.scope]);
    const before = scopes.get(name);
    if (before) before.push(change);
    else scopes.set(name, [change]);
    await ctx.db.delete("statisticsDeltas", change._id);
  }
  for (const all of scopes.values()) {
    const { collection, scope } = all[0]!;
    let count = await countOf(ctx, collection);
    if (count === null) {
      await beginCount(ctx, collection, true);
      count = await countOf(ctx, collection);
    }
    const documents = all.flatMap((change) => change.documents);
    const row = await statisticOf(ctx, collection, scope);
    const told = plus(row ?? NOTHING, ...documents);
    const counted = countedOf(count!, row, documents);
    if (row) await ctx.db.patch("statistics", row._id, { ...told, counted });
    else await ctx.db.insert("statistics", { collection, scope, ...told, counted });
  }
}

/** What changes of documents that a count has passed make of its totals. */
function countedOf(
  { finishedAt, document }: Doc<"counts">,
  row: Doc<"statistics"> | null,
  changes: Doc<"statisticsDeltas">["documents"],
) {
  if (finishedAt !== null) return null;
  // As indexes order text, which is not as JavaScript does.
  const passed = (change: { document: string }) =>
    document !== null && compareValues(change.document, document) <= 0;
  return plus(row?.counted ?? NOTHING, ...changes.filter(passed));
}
