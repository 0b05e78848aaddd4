import { v } from "convex/values";
import { api, internal } from "./_generated/api.js";
import type { Doc } from "./_generated/dataModel.js";
import {
  internalMutation,
  mutation,
  query,
  type MutationCtx,
  type QueryCtx,
} from "./_generated/server.js";
import { NS_PER_MS, timeOf } from "./clock.js";
import type { Thresholds } from "./plan.js";
import { sweepReport } from "./schema.js";

/**
 * Documents that nobody edits any more are worth compacting for less than busy ones: it happens once,
 * and every first load gains. The age is also that of what a sweep looks at.
 */
const COLD: Thresholds = { entries: 3, bytes: 4 * 1024, minAgeMs: 10 * 60_000 };

/** Log rows that one step looks at, and bytes after which it leaves the rest to the next one. */
const STEP_ROWS = 200;
const STEP_BYTES = 4 * 1024 * 1024;
/** A document has at most 1,000 rows replaced, and Convex writes up to 16,000 in a transaction. */
const STEP_ENTRIES = 2_000;

const NEVER_RAN = {
  ts: 0n,
  creationTime: 0,
  run: 0,
  startedAt: 0,
  finishedAt: null,
  documents: 0,
  entries: 0,
  bytes: 0,
  failures: 0,
  lastFailure: null,
};

/**
 * Begins to compact what was written since the last sweep. It goes through the log as a client does, so
 * it costs as much as there is new. A run that is still going on stops, and this one carries on from
 * there.
 */
export const start = mutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const last = await lastSweep(ctx);
    const { ts, creationTime, run } = last ?? NEVER_RAN;
    const next = { ...NEVER_RAN, ts, creationTime, run: run + 1, startedAt: Date.now() };
    if (last) await ctx.db.replace("sweeps", last._id, next);
    else await ctx.db.insert("sweeps", next);
    await ctx.scheduler.runAfter(0, internal.sweep.step, { run: next.run });
    return null;
  },
});

/** Compacts some documents, and schedules itself while there are more. */
export const step = internalMutation({
  args: { run: v.number() },
  returns: v.null(),
  handler: async (ctx, { run }) => {
    const sweep = await lastSweep(ctx);
    if (sweep?.run !== run) return null;
    const rows = await rowsAfter(ctx, sweep);
    let { documents, entries, bytes, failures, lastFailure, ts, creationTime } = sweep;
    const full = () => bytes - sweep.bytes >= STEP_BYTES || entries - sweep.entries >= STEP_ENTRIES;
    const seen = new Set<string>();
    for (const row of rows) {
      if (full()) break;
      [ts, creationTime] = [row.ts as bigint, row._creationTime];
      const { collection, document, part } = row;
      const name = JSON.stringify([collection, document, part]);
      if (seen.has(name)) continue;
      seen.add(name);
      try {
        const args = { collection, part, documents: [document], thresholds: COLD };
        const done = await ctx.runMutation(api.compaction.compact, args);
        documents += done.documents;
        entries += done.entries;
        bytes += done.bytes;
      } catch (error) {
        // One document that cannot be compacted stays as it is, and holds up no other.
        failures++;
        lastFailure = `${name}: ${(error as Error).message}`;
      }
    }
    const more = full() || rows.length === STEP_ROWS;
    const finishedAt = more ? null : Date.now();
    const result = { documents, entries, bytes, failures, lastFailure, ts, creationTime };
    await ctx.db.patch("sweeps", sweep._id, { ...result, finishedAt });
    if (more) await ctx.scheduler.runAfter(0, internal.sweep.step, { run });
    return null;
  },
});

/** What the last sweep did; null when there was none yet. */
export const status = query({
  args: {},
  returns: v.union(v.null(), v.object(sweepReport)),
  handler: async (ctx) => {
    const last = await lastSweep(ctx);
    if (last === null) return null;
    const { startedAt, finishedAt, documents, entries, bytes, failures, lastFailure } = last;
    return { startedAt, finishedAt, documents, entries, bytes, failures, lastFailure };
  },
});

function lastSweep(ctx: QueryCtx): Promise<Doc<"sweeps"> | null> {
  return ctx.db.query("sweeps").first();
}

/** Updates that were written after the last one looked at, as far as they are old enough. */
async function rowsAfter(
  ctx: MutationCtx,
  { ts, creationTime }: Doc<"sweeps">,
): Promise<Doc<"updates">[]> {
  const until = timeOf(ctx) - BigInt(COLD.minAgeMs) * NS_PER_MS;
  const sameCommit = await ctx.db
    .query("updates")
    .withIndex("by_kind", (q) =>
      q.eq("kind", "update").eq("ts", ts).gt("_creationTime", creationTime),
    )
    .take(STEP_ROWS);
  if (sameCommit.length === STEP_ROWS) return sameCommit;
  const later = await ctx.db
    .query("updates")
    .withIndex("by_kind", (q) => q.eq("kind", "update").gt("ts", ts).lte("ts", until))
    .take(STEP_ROWS - sameCommit.length);
  return [...sameCommit, ...later];
}
