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

const DEFAULT_SETTINGS = {
  compaction: { everyHours: 24 },
  pruning: { everyHours: 7 * 24, retentionDays: 180 },
} satisfies SweepSettings;

/** Log rows that one step looks at, and bytes after which it leaves the rest to the next one. */
const STEP_ROWS = 200;
const STEP_BYTES = 4 * 1024 * 1024;
/** One document has at most 1,000 rows replaced or deleted, and Convex writes up to 16,000 in a transaction. */
const STEP_ENTRIES = 2_000;
/** Log rows that are read of documents; Convex reads up to 32,000 rows, and 16 MiB, in a transaction. */
const STEP_ROWS_READ = 8_000;

/** A step that was scheduled so long ago and has not ended was rolled back as a whole, in ms. */
const FAILED_AFTER = 10 * 60_000;

/** Documents that a run remembers to skip. */
const MAX_SKIPPED = 100;

const DAY_MS = 24 * 60 * 60_000;

/**
 * Documents that nobody edits any more are worth compacting for less than busy ones: it happens once,
 * and every first load gains. The age is also that of what is looked at.
 */
const SWEEP_THRESHOLDS: Thresholds = { entries: 3, bytes: 4 * 1024, minAgeMs: 10 * 60_000 };

/** What came of one document; unless `done`, it has to be processed again. */
type Processed = {
  done: boolean;
  documents: number;
  entries: number;
  bytes: number;
  read: { rows: number; bytes: number };
};

type Work = {
  kind: Doc<"updates">["kind"];
  /** Whether what was looked at once need not be looked at again. */
  resumes: boolean;
  minAgeMs: (ctx: QueryCtx) => Promise<number>;
  /** Rows of one name are taken care of together. */
  nameOf: (row: Doc<"updates">) => string;
  process: (ctx: MutationCtx, row: Doc<"updates">) => Promise<Processed>;
};

const WORK: Record<SweepName, Work> = {
  compaction: {
    kind: "update",
    resumes: true,
    minAgeMs: () => Promise.resolve(SWEEP_THRESHOLDS.minAgeMs),
    nameOf: ({ collection, document, part }) => JSON.stringify([collection, document, part]),
    process: async (ctx, { collection, document, part }) => {
      const args = { collection, part, documents: [document], thresholds: SWEEP_THRESHOLDS };
      return { done: true, ...(await ctx.runMutation(api.compaction.compact, args)) };
    },
  },
  pruning: {
    kind: "tombstone",
    resumes: false,
    minAgeMs: async (ctx) => {
      const { pruning } = await sweepSettingsOf(ctx);
      return (pruning === "off" ? await lastRetention(ctx) : pruning.retentionDays) * DAY_MS;
    },
    nameOf: ({ collection, document, generation }) =>
      JSON.stringify([collection, document, generation]),
    process: async (ctx, { collection, document, generation, ts }) => {
      const args = { collection, document, generation, ts: ts as bigint };
      const { done, ...deleted } = await ctx.runMutation(internal.pruning.prune, args);
      const read = { rows: deleted.entries, bytes: deleted.bytes };
      return { done, documents: done ? 1 : 0, ...deleted, read };
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
  return stored ? { compaction: stored.compaction, pruning: stored.pruning } : DEFAULT_SETTINGS;
}

/** Of pruning that is off, in days. */
async function lastRetention(ctx: QueryCtx): Promise<number> {
  const stored = await ctx.db.query("settings").first();
  return stored?.retentionDays ?? DEFAULT_SETTINGS.pruning.retentionDays;
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
  const unfinished = last?.finishedAt === null;
  const { ts, creationTime } = last && (WORK[sweep].resumes || unfinished) ? last : BEGINNING;
  const { oneByOne, skipped } = unfinished ? last : { oneByOne: 0, skipped: [] };
  const run = last?.run ?? 0;
  const next = { sweep, ts, creationTime, run, oneByOne, skipped, startedAt: Date.now() };
  const state = { ...next, steppedAt: last?.steppedAt ?? 0, ...NOTHING_DONE };
  const id = last?._id ?? (await ctx.db.insert("sweeps", state));
  if (last) await ctx.db.replace("sweeps", id, state);
  await scheduleNextStep(ctx, (await ctx.db.get("sweeps", id))!, unfinished && hasFailed(last));
}

/** Goes on with a run of which a step failed as a whole: that has stored nothing, not even the failure. */
export async function resumeSweep(ctx: MutationCtx, sweep: SweepName) {
  const last = await lastSweep(ctx, sweep);
  if (last && last.finishedAt === null && hasFailed(last)) await scheduleNextStep(ctx, last, true);
}

const hasFailed = ({ steppedAt }: Doc<"sweeps">) => Date.now() - steppedAt >= FAILED_AFTER;

/**
 * Schedules the next step, under a new number. After one that failed documents are taken one at a
 * time; if it had a single document already, that one is skipped.
 */
async function scheduleNextStep(ctx: MutationCtx, state: Doc<"sweeps">, failed: boolean) {
  const run = state.run + 1;
  const next = { run, steppedAt: Date.now() };
  if (failed && state.oneByOne > 0) {
    const work = WORK[state.sweep];
    const minAgeMs = await work.minAgeMs(ctx);
    const rows = await rowsAfter(ctx, work, state, minAgeMs);
    const culprit = rows.map(work.nameOf).find((name) => !state.skipped.includes(name));
    if (culprit !== undefined) {
      await ctx.db.patch("sweeps", state._id, {
        skipped: [...state.skipped, culprit].slice(-MAX_SKIPPED),
        failures: state.failures + 1,
        lastFailure: `${culprit}: its transaction failed as a whole; the deployment's logs say why.`,
      });
    }
  }
  await ctx.db.patch("sweeps", state._id, { ...next, ...(failed && { oneByOne: STEP_ROWS }) });
  await ctx.scheduler.runAfter(0, internal.sweep.step, { sweep: state.sweep, run });
}

/** Takes care of some documents, and schedules itself while there are more. */
export const step = internalMutation({
  args: { sweep: sweepName, run: v.number() },
  returns: v.null(),
  handler: async (ctx, { sweep, run }) => {
    const state = await lastSweep(ctx, sweep);
    if (state?.run !== run) return null;
    const work = WORK[sweep];
    const minAgeMs = await work.minAgeMs(ctx);
    const rows = await rowsAfter(ctx, work, state, minAgeMs);
    const { more, ...done } = await processRows(ctx, work, rows, state);
    const finishedAt = more ? null : Date.now();
    await ctx.db.patch("sweeps", state._id, { ...done, finishedAt, steppedAt: Date.now() });
    if (more) await ctx.scheduler.runAfter(0, internal.sweep.step, { sweep, run });
    return null;
  },
});

/** What changes of a run while it goes on. */
type Progress = Pick<
  Doc<"sweeps">,
  | "ts"
  | "creationTime"
  | "oneByOne"
  | "skipped"
  | "documents"
  | "entries"
  | "bytes"
  | "failures"
  | "lastFailure"
>;

/** Takes care of the documents of some rows, as many as fit in a transaction; says whether there are more. */
async function processRows(
  ctx: MutationCtx,
  work: Work,
  rows: readonly Doc<"updates">[],
  state: Doc<"sweeps">,
): Promise<Progress & { more: boolean }> {
  const { ts, creationTime, oneByOne, skipped, failures, lastFailure } = state;
  const { documents, entries, bytes } = state;
  const place = { ts, creationTime, oneByOne, skipped };
  const progress = { ...place, documents, entries, bytes, failures, lastFailure };
  const read = { rows: 0, bytes: 0 };
  const isFull = () =>
    progress.bytes - state.bytes >= STEP_BYTES ||
    progress.entries - state.entries >= STEP_ENTRIES ||
    read.rows >= STEP_ROWS_READ ||
    read.bytes >= STEP_BYTES;
  const seen = new Set<string>();
  let result: Result = "done";
  for (const row of rows) {
    const name = work.nameOf(row);
    const isNew = !seen.has(name) && !progress.skipped.includes(name);
    // How much a failed call has read is unknown, but Convex counts it.
    const isEnough = isFull() || result === "failed";
    if (isEnough || (state.oneByOne > 0 && isNew && seen.size > 0)) {
      return { ...progress, more: true };
    }
    if (isNew) {
      seen.add(name);
      result = await processOne(ctx, work, row, progress, read);
      if (result === "unfinished") return { ...progress, more: true };
    }
    progress.oneByOne = Math.max(0, progress.oneByOne - 1);
    [progress.ts, progress.creationTime] = [row.ts as bigint, row._creationTime];
  }
  return { ...progress, more: isFull() || rows.length === STEP_ROWS };
}

type Result = "done" | "unfinished" | "failed";

async function processOne(
  ctx: MutationCtx,
  work: Work,
  row: Doc<"updates">,
  progress: Progress,
  read: Processed["read"],
): Promise<Result> {
  try {
    const processed = await work.process(ctx, row);
    progress.documents += processed.documents;
    progress.entries += processed.entries;
    progress.bytes += processed.bytes;
    read.rows += processed.read.rows;
    read.bytes += processed.read.bytes;
    return processed.done ? "done" : "unfinished";
  } catch (error) {
    // One document that this cannot be done to stays as it is, and holds up no other.
    const name = work.nameOf(row);
    progress.failures++;
    progress.skipped = [...progress.skipped, name].slice(-MAX_SKIPPED);
    progress.lastFailure = `${name}: ${(error as Error).message}`;
    return "failed";
  }
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
