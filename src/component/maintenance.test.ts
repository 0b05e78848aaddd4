import type { FunctionArgs } from "convex/server";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api, internal } from "./_generated/api.js";
import { newLog, type Log } from "./setup.test.js";

const HOUR = 60 * 60_000;
const NOW = Date.UTC(2026, 0, 1);

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const status = (log: Log) => log.query(api.maintenance.status, {});
const configure = (log: Log, settings: FunctionArgs<typeof api.maintenance.configure>) =>
  log.mutation(api.maintenance.configure, settings);

/** Lets the cron come as often as it does in some hours, and tells how often each sweep has run. */
async function runsIn(log: Log, hours: number) {
  for (let n = 0; n < hours; n++) {
    // A little early and a little late, as crons are.
    vi.setSystemTime(Date.now() + HOUR + (n % 2 ? 500 : -500));
    await log.mutation(internal.maintenance.tick, {});
    await log.finishAllScheduledFunctions(vi.runAllTimers);
  }
  const sweeps = await log.run((ctx) => ctx.db.query("sweeps").collect());
  return Object.fromEntries(sweeps.map(({ sweep, run }) => [sweep, run]));
}

it("tells what is usual before anything has run", async () => {
  vi.setSystemTime(NOW);
  const { compaction, pruning } = await status(newLog());
  expect(compaction).toEqual({ settings: { everyHours: 24 }, lastRun: null, nextRun: NOW });
  expect(pruning).toEqual({
    settings: { everyHours: 168, retentionDays: 180 },
    lastRun: null,
    nextRun: NOW,
  });
});

it("compacts daily and prunes weekly", async () => {
  expect(await runsIn(newLog(), 14 * 24)).toEqual({ compaction: 14, pruning: 2 });
});

it("does either as often as it is told, or never", async () => {
  const log = newLog();
  await configure(log, { compaction: { everyHours: 1 }, pruning: "off" });
  expect(await runsIn(log, 10)).toEqual({ compaction: 10 });
  await configure(log, { compaction: "off" });
  await configure(log, { pruning: { everyHours: 5, retentionDays: 30 } });
  expect(await runsIn(log, 10)).toEqual({ compaction: 10, pruning: 2 });
  const { compaction, pruning } = await status(log);
  expect(compaction).toMatchObject({ settings: "off", nextRun: null });
  expect(pruning.settings).toEqual({ everyHours: 5, retentionDays: 30 });
});

it("says when a sweep ran and when it will again", async () => {
  const log = newLog();
  await log.mutation(api.maintenance.run, { sweep: "pruning" });
  const startedAt = Date.now();
  expect((await status(log)).pruning).toMatchObject({
    lastRun: { startedAt, finishedAt: null, documents: 0, failures: 0, lastFailure: null },
    nextRun: startedAt + 168 * HOUR,
  });
  await log.finishAllScheduledFunctions(vi.runAllTimers);
  expect((await status(log)).pruning.lastRun!.finishedAt).toBe(Date.now());
});

it("runs a sweep that is off when it is told to", async () => {
  const log = newLog();
  await configure(log, { pruning: "off" });
  await log.mutation(api.maintenance.run, { sweep: "pruning" });
  await log.finishAllScheduledFunctions(vi.runAllTimers);
  expect((await status(log)).pruning.lastRun).not.toBeNull();
});

it.each([
  [{ compaction: { everyHours: 0.5 } }, "compaction.everyHours"],
  [{ compaction: { everyHours: NaN } }, "compaction.everyHours"],
  [{ pruning: { everyHours: Infinity, retentionDays: 1 } }, "pruning.everyHours"],
  [{ pruning: { everyHours: 1, retentionDays: 0 } }, "pruning.retentionDays"],
  [{ pruning: { everyHours: 1, retentionDays: -1 } }, "pruning.retentionDays"],
  [{ pruning: { everyHours: 1, retentionDays: NaN } }, "pruning.retentionDays"],
  [{ pruning: { everyHours: 1, retentionDays: 1e9 } }, "pruning.retentionDays"],
])("refuses %j and keeps what was set before", async (settings, name) => {
  const log = newLog();
  await configure(log, { compaction: { everyHours: 2 } });
  await expect(configure(log, settings)).rejects.toThrow(name);
  expect((await status(log)).compaction.settings).toEqual({ everyHours: 2 });
});
