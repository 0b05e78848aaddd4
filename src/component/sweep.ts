import { v, type Infer, type ObjectType } from "convex/values";
import { api, internal } from "./_generated/api.js";
import type { Doc } from "./_generated/dataModel.js";
import { internalMutation, type MutationCtx, type QueryCtx } from "./_generated/server.js";
import { NS_PER_MS, timeOf } from "./clock.js";
import type { Thresholds } from "./plan.js";
import { sweepName, type sweepSettings } from "./schema.js";

// A sweep goes through the log by commit time, some rows in a transaction, until it has seen all that is
// old enough. `maintenance.ts` says when.

export type SweepName = Infer<typeof sweepName>;
export type SweepSettings = ObjectType<typeof sweepSettings>;

const USUAL = {
  compaction: { everyHours: 24 },
  pruning: { everyHours: 7 * 24, retentionDays: 180 },
} satisfies SweepSettings;

/** Log rows that one step looks at, and bytes after which it leaves the rest to the next one. */
const STEP_ROWS = 200;
const STEP_BYTES = 4 * 1024 * 1024;
/** One document has at most 1,000 rows replaced or deleted, and Convex writes up to 16,000 in a transaction. */
const STEP_ENTRIES = 2_000;

const DAY_MS = 24 * 60 * 60_000;

/**
 * Documents that nobody edits any more are worth compacting for less than busy ones: it happens once,
 * and every first load gains. The age is also that of what is looked at.
 */
const COLD: Thresholds = { entries: 3, bytes: 4 * 1024, minAgeMs: 10 * 60_000 };

/** What came of one document; unless `done`, it has to be taken again. */
type Taken = { done: boolean; documents: number; entries: number; bytes: number };

type Work = {
  kind: Doc<"updates">["kind"];
  /** Whether what was looked at once need not be looked at again. */
  resumes: boolean;
  minAgeMs: (settings: SweepSettings) => number;
  /** Rows of one name are taken care of together. */
  nameOf: (row: Doc<"updates">) => string;
  take: (ctx: MutationCtx, row: Doc<"updates">) => Promise<Taken>;
};

const WORK: Record<SweepName, Work> = {
  compaction: {
    kind: "update",
    resumes: true,
    minAgeMs: () => COLD.minAgeMs,
    nameOf: ({ collection, document, part }) => JSON.stringify([collection, document, part]),
    take: async (ctx, { collection, document, part }) => {
      const args = { collection, part, documents: [document], thresholds: COLD };
      return { done: true, ...(await ctx.runMutation(api.compaction.compact, args)) };
    },
  },
  pruning: {
    kind: "tombstone",
    resumes: false,
    minAgeMs: ({ pruning }) => (pruning === "off" ? USUAL.pruning : pruning).retentionDays * DAY_MS,
    nameOf: ({ collection, document, generation }) =>
      JSON.stringify([collection, document, generation]),
    take: async (ctx, { collection, document, generation, ts }) => {
      const args = { collection, document, generation, ts: ts as bigint };
      const { done, ...deleted } = await ctx.runMutation(internal.pruning.prune, args);
      return { done, documents: done ? 1 : 0, ...deleted };
    },
  },
};

const BEGINNING = { ts: 0n, creationTime: 0 };
const NOTHING_DONE = {
  finishedAt: null,
  documents: 0,
  entries: 0,
  bytes: 0,
  failures: 0,
  lastFailure: null,
};

export async function sweepSettingsOf(ctx: QueryCtx): Promise<SweepSettings> {
  const stored = await ctx.db.query("settings").first();
  return stored ? { compaction: stored.compaction, pruning: stored.pruning } : USUAL;
}

export function lastSweep(ctx: QueryCtx, sweep: SweepName): Promise<Doc<"sweeps"> | null> {
  return ctx.db
    .query("sweeps")
    .withIndex("by_sweep", (q) => q.eq("sweep", sweep))
    .unique();
}

/** Begins a run. One that is still going on stops, and this one carries on from there. */
export async function startSweep(ctx: MutationCtx, sweep: SweepName) {
  const last = await lastSweep(ctx, sweep);
  const { ts, creationTime } = last && WORK[sweep].resumes ? last : BEGINNING;
  const run = (last?.run ?? 0) + 1;
  const next = { sweep, ts, creationTime, run, startedAt: Date.now(), ...NOTHING_DONE };
  if (last) await ctx.db.replace("sweeps", last._id, next);
  else await ctx.db.insert("sweeps", next);
  await ctx.scheduler.runAfter(0, internal.sweep.step, { sweep, run });
}

/** Takes care of some documents, and schedules itself while there are more. */
export const step = internalMutation({
  args: { sweep: sweepName, run: v.number() },
  returns: v.null(),
  handler: async (ctx, { sweep, run }) => {
    const state = await lastSweep(ctx, sweep);
    if (state?.run !== run) return null;
    const work = WORK[sweep];
    const rows = await rowsAfter(ctx, work, state, work.minAgeMs(await sweepSettingsOf(ctx)));
    const { more, ...done } = await takeRows(ctx, work, rows, state);
    const finishedAt = more ? null : Date.now();
    await ctx.db.patch("sweeps", state._id, { ...done, finishedAt });
    if (more) await ctx.scheduler.runAfter(0, internal.sweep.step, { sweep, run });
    return null;
  },
});

async function takeRows(
  ctx: MutationCtx,
  work: Work,
  rows: readonly Doc<"updates">[],
  state: Doc<"sweeps">,
) {
  let { documents, entries, bytes, failures, lastFailure, ts, creationTime } = state;
  const isFull = () => bytes - state.bytes >= STEP_BYTES || entries - state.entries >= STEP_ENTRIES;
  let isDone = true;
  const seen = new Set<string>();
  for (const row of rows) {
    if (isFull()) break;
    const name = work.nameOf(row);
    try {
      if (!seen.has(name)) {
        const taken = await work.take(ctx, row);
        documents += taken.documents;
        entries += taken.entries;
        bytes += taken.bytes;
        isDone = taken.done;
      }
    } catch (error) {
      // One document that this cannot be done to stays as it is, and holds up no other.
      failures++;
      lastFailure = `${name}: ${(error as Error).message}`;
    }
    if (!isDone) break;
    seen.add(name);
    [ts, creationTime] = [row.ts as bigint, row._creationTime];
  }
  const more = isFull() || !isDone || rows.length === STEP_ROWS;
  return { documents, entries, bytes, failures, lastFailure, ts, creationTime, more };
}

/** Rows that were written after the last one looked at, as far as they are old enough. */
async function rowsAfter(
  ctx: MutationCtx,
  { kind }: Work,
  { ts, creationTime }: Doc<"sweeps">,
  minAgeMs: number,
): Promise<Doc<"updates">[]> {
  const until = timeOf(ctx) - BigInt(Math.round(minAgeMs)) * NS_PER_MS;
  const sameCommit = await ctx.db
    .query("updates")
    .withIndex("by_kind", (q) => q.eq("kind", kind).eq("ts", ts).gt("_creationTime", creationTime))
    .take(STEP_ROWS);
  if (sameCommit.length === STEP_ROWS) return sameCommit;
  const later = await ctx.db
    .query("updates")
    .withIndex("by_kind", (q) => q.eq("kind", kind).gt("ts", ts).lte("ts", until))
    .take(STEP_ROWS - sameCommit.length);
  return [...sameCommit, ...later];
}
