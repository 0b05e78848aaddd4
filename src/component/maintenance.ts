import { ConvexError, v, type ObjectType } from "convex/values";
import type { Doc } from "./_generated/dataModel.js";
import { internalMutation, mutation, query } from "./_generated/server.js";
import { startEpoch } from "./past.js";
import { sweepName, sweepReport, sweepSettings } from "./schema.js";
import {
  lastSweep,
  resumeSweep,
  startSweep,
  sweepSettingsOf,
  type SweepName,
  type SweepSettings,
} from "./sweep.js";

/** How often it is looked whether a sweep is due. */
export const TICK_HOURS = 1;

/** A hundred years. */
const MAX_RETENTION_DAYS = 36_500;

const HOUR_MS = 60 * 60_000;
const SWEEPS: readonly SweepName[] = ["compaction", "pruning"];

const lastRun = v.union(v.null(), v.object(sweepReport));
/** In ms since the epoch, up to an hour early; now, if it never ran; null while it is off. */
const nextRun = v.union(v.number(), v.null());

/** What keeps the log short by itself: how often, when next, and what came of the last time. */
export const status = query({
  args: {},
  returns: v.object({
    compaction: v.object({ settings: sweepSettings.compaction, lastRun, nextRun }),
    pruning: v.object({ settings: sweepSettings.pruning, lastRun, nextRun }),
  }),
  handler: async (ctx) => {
    const settings = await sweepSettingsOf(ctx);
    const of = async <Name extends SweepName>(name: Name) => {
      const last = await lastSweep(ctx, name);
      return {
        settings: settings[name],
        lastRun: last && reportOf(last),
        nextRun: dueAt(settings[name], last),
      };
    };
    return { compaction: await of("compaction"), pruning: await of("pruning") };
  },
});

/**
 * Changes how often sweeps run, or turns one `"off"`; what is left out stays as it is.
 *
 * @throws ConvexError `INVALID_OPTIONS`
 */
export const configure = mutation({
  args: {
    compaction: v.optional(sweepSettings.compaction),
    pruning: v.optional(sweepSettings.pruning),
  },
  returns: v.null(),
  handler: async (ctx, changes) => {
    check(changes);
    const stored = await ctx.db.query("settings").first();
    const settings = { ...(await sweepSettingsOf(ctx)), ...changes };
    const { pruning } = settings;
    const retentionDays = pruning === "off" ? stored?.retentionDays : pruning.retentionDays;
    const next = { ...settings, ...(retentionDays !== undefined && { retentionDays }) };
    if (stored) await ctx.db.replace("settings", stored._id, next);
    else await ctx.db.insert("settings", next);
    return null;
  },
});

/** Runs a sweep now, also one that is off; pruning then takes the `retentionDays` it was told last. */
export const run = mutation({
  args: { sweep: sweepName },
  returns: v.null(),
  handler: async (ctx, { sweep }) => {
    await startSweep(ctx, sweep);
    return null;
  },
});

/**
 * To be run once a backup has been restored: all clients then load everything again. They may have
 * received changes that the backup lacks, and new changes will take the same places in the log.
 */
export const afterRestore = mutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    await startEpoch(ctx);
    return null;
  },
});

/** Starts the sweeps that are due, and goes on with those of which a step failed. */
export const tick = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const settings = await sweepSettingsOf(ctx);
    const soon = Date.now() + (TICK_HOURS * HOUR_MS) / 2; // ticks come a little early, too
    for (const name of SWEEPS) {
      const due = dueAt(settings[name], await lastSweep(ctx, name));
      if (due !== null && due <= soon) await startSweep(ctx, name);
      else await resumeSweep(ctx, name);
    }
    return null;
  },
});

function dueAt(settings: SweepSettings[SweepName], last: Doc<"sweeps"> | null): number | null {
  if (settings === "off") return null;
  return last === null ? Date.now() : last.startedAt + settings.everyHours * HOUR_MS;
}

function reportOf(sweep: Doc<"sweeps">): ObjectType<typeof sweepReport> {
  const { startedAt, finishedAt, documents, entries, bytes, failures, lastFailure } = sweep;
  return { startedAt, finishedAt, documents, entries, bytes, failures, lastFailure };
}

function check({ compaction, pruning }: Partial<SweepSettings>) {
  for (const [name, settings] of Object.entries({ compaction, pruning })) {
    if (settings === undefined || settings === "off") continue;
    if (!(settings.everyHours >= TICK_HOURS && Number.isFinite(settings.everyHours))) {
      throw invalid(
        `${name}.everyHours must be at least ${TICK_HOURS}, but is ${settings.everyHours}.`,
      );
    }
    if (!("retentionDays" in settings)) continue;
    if (!(settings.retentionDays > 0 && settings.retentionDays <= MAX_RETENTION_DAYS)) {
      throw invalid(
        `pruning.retentionDays must be above 0 and at most ${MAX_RETENTION_DAYS}, but is ${settings.retentionDays}.`,
      );
    }
  }
}

function invalid(message: string) {
  return new ConvexError({ code: "INVALID_OPTIONS", message });
}
