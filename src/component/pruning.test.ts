import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api, internal } from "./_generated/api.js";
import { MAX_ROWS_PRUNED } from "./pruning.js";
import { append, cursorAt, entry, newLog, pages, patterned, read, stream } from "./setup.test.js";
import type { Log } from "./setup.test.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * 60_000;
const RETENTION = 180 * DAY;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const wait = (ms: number) => vi.setSystemTime(Date.now() + ms);

async function prune(log: Log) {
  await log.mutation(api.maintenance.run, { sweep: "pruning" });
  await log.finishAllScheduledFunctions(vi.runAllTimers);
  return (await log.query(api.maintenance.status, {})).pruning.lastRun;
}

const tombstone = (document: string, generation = 1, scope = "") =>
  entry(document, { kind: "tombstone", generation, scope });

/** Inserts documents and removes them again. */
async function remove(log: Log, ...documents: string[]) {
  await append(log, ...documents.map((name) => entry(name)));
  return (await append(log, ...documents.map((name) => tombstone(name)))) as bigint;
}

const rows = (log: Log) => log.run(async (ctx) => ctx.db.query("updates").collect());
const names = async (log: Log) => (await rows(log)).map(({ document }) => document);
const generation = (log: Log) => log.query(api.past.newestForgotten, { collection: "tasks" });
const resetAt = async (log: Log, cursor: string | null, scope = "") =>
  (await stream(log, { cursor, scope })).reset;

describe("pruning", () => {
  it("forgets removals that are older than the retention, and nothing else", async () => {
    const log = newLog();
    await remove(log, "old");
    await append(log, entry("kept"));
    wait(RETENTION - DAY);
    await remove(log, "new");
    expect(await prune(log)).toMatchObject({ documents: 0, entries: 0 });
    wait(DAY + 1);
    expect(await prune(log)).toMatchObject({ documents: 1, entries: 1, failures: 0 });
    expect(await names(log)).toEqual(["kept", "new"]);
    expect(await generation(log)).toBe(1);
  });

  it("forgets a removal when it is as old as that, and no sooner", async () => {
    const log = newLog();
    await remove(log, "a");
    wait(RETENTION - MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 0 });
    wait(2 * MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 1 });
  });

  it("forgets nothing that it was told to remember, when it is turned off and run by hand", async () => {
    const log = newLog();
    await remove(log, "a");
    const tenYears = { everyHours: 1, retentionDays: 3_650 };
    await log.mutation(api.maintenance.configure, { pruning: tenYears });
    await log.mutation(api.maintenance.configure, { pruning: "off" });
    wait(3_649 * DAY);
    expect(await prune(log)).toMatchObject({ documents: 0 });
    wait(2 * DAY);
    expect(await prune(log)).toMatchObject({ documents: 1 });
  });

  it("leaves the generations after the one that it forgets", async () => {
    const log = newLog();
    await append(log, entry("a"));
    // As a push does that ends a generation and starts the next.
    await append(log, tombstone("a"), entry("a", { generation: 2 }));
    await append(log, entry("a", { generation: 2 }));
    const before = await read(log, "a");
    wait(RETENTION + MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 1, entries: 1 });
    const [after] = await read(log, "a");
    expect(after).toStrictEqual({ ...before[0]!, ended: [] });
  });

  it("takes what a removal had left of a long log, some at a time, before the removal", async () => {
    const log = newLog();
    const count = MAX_ROWS_PRUNED + 5;
    await append(log, ...Array.from({ length: count }, () => entry("long")));
    await append(log, entry("long", { part: "body" }));
    // A removal that could not delete them all.
    await log.run(async (ctx) => {
      const last = (await ctx.db.query("updates").order("desc").first())!;
      const { _id, _creationTime, ...rest } = last;
      const ts = ctx.db.vars.commitTs;
      await ctx.db.insert("updates", { ...rest, part: "fields", kind: "tombstone", ts });
    });
    expect((await stream(log, { cursor: null })).done).toBe(false);
    wait(RETENTION + MINUTE);
    await log.mutation(api.maintenance.run, { sweep: "pruning" });
    await log.mutation(internal.sweep.step, { sweep: "pruning", run: 1 });
    const half = await rows(log);
    expect(half).toHaveLength(count + 2 - MAX_ROWS_PRUNED);
    expect(half.some(({ kind }) => kind === "tombstone")).toBe(true);
    await log.finishAllScheduledFunctions(vi.runAllTimers);
    expect(await rows(log)).toEqual([]);
  });

  it("deletes what lies elsewhere, too", async () => {
    const log = newLog();
    await append(log, entry("a"));
    await append(log, entry("a", { kind: "tombstone", bytes: patterned(1_200_000) }));
    wait(RETENTION + MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 1, entries: 3, bytes: 1_200_000 });
    expect(await log.run((ctx) => ctx.db.query("payloads").collect())).toEqual([]);
  });

  it("goes through more removals than one step looks at", async () => {
    const log = newLog();
    const many = Array.from({ length: 450 }, (_, n) => `d${n}`);
    await remove(log, ...many);
    wait(RETENTION + MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 450, finishedAt: Date.now() });
    expect(await rows(log)).toEqual([]);
  });

  it("goes on where a run was that stopped halfway", async () => {
    const log = newLog();
    const many = Array.from({ length: 250 }, (_, n) => `d${n}`);
    await remove(log, ...many);
    wait(RETENTION + MINUTE);
    await log.mutation(api.maintenance.run, { sweep: "pruning" });
    await log.mutation(internal.sweep.step, { sweep: "pruning", run: 1 });
    expect(await rows(log)).toHaveLength(50);
    expect(await prune(log)).toMatchObject({ documents: 50 });
    await log.mutation(internal.sweep.step, { sweep: "pruning", run: 1 }); // too late
    expect(await rows(log)).toEqual([]);
  });

  it("passes by a removal that it cannot forget, says so, and tries again next time", async () => {
    const log = newLog();
    await append(log, entry("poison"));
    await append(log, entry("poison", { kind: "tombstone", bytes: patterned(5_000) }));
    const ts = await remove(log, "fine");
    await log.run(async (ctx) => {
      const stored = (await ctx.db.query("payloads").first())!;
      await ctx.db.delete("payloads", stored._id);
    });
    wait(RETENTION + MINUTE);
    const result = await prune(log);
    expect(result).toMatchObject({ documents: 1, failures: 1 });
    expect(result!.lastFailure).toContain("poison");
    expect(await names(log)).toEqual(["poison"]);
    expect(await resetAt(log, cursorAt(ts))).toBeNull();
    expect(await prune(log)).toMatchObject({ documents: 0, failures: 1 });
  });

  it("keeps removals for as long as it is told", async () => {
    const log = newLog();
    await remove(log, "a");
    const pruning = { everyHours: 1, retentionDays: 1 };
    await log.mutation(api.maintenance.configure, { pruning });
    wait(DAY - MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 0 });
    wait(2 * MINUTE);
    expect(await prune(log)).toMatchObject({ documents: 1 });
  });

  it("remembers the newest generation that it has forgotten, of any document", async () => {
    const log = newLog();
    await append(log, tombstone("a", 7));
    await append(log, tombstone("b", 3));
    wait(RETENTION + MINUTE);
    await prune(log);
    expect(await generation(log)).toBe(7);
    expect(await log.query(api.past.newestForgotten, { collection: "others" })).toBe(0);
  });
});

describe("a reader", () => {
  it("begins anew if a removal was forgotten that it has not seen, and not otherwise", async () => {
    const log = newLog();
    await append(log, entry("a"));
    const before = (await stream(log)).cursor;
    const ts = await remove(log, "b");
    const after = (await stream(log)).cursor;
    expect(after).toBe(cursorAt(ts));
    expect([await resetAt(log, before), await resetAt(log, after)]).toEqual([null, null]);
    wait(RETENTION + MINUTE);
    await prune(log);
    expect(await stream(log, { cursor: before })).toStrictEqual({
      entries: [],
      cursor: null,
      done: false,
      progress: 0,
      reset: "pruned",
    });
    expect(await resetAt(log, after)).toBeNull();
  });

  it("that begins anew gets to the end, although everything in the log is older", async () => {
    const log = newLog();
    await append(log, entry("a"));
    const ts = await remove(log, "b");
    wait(RETENTION + MINUTE);
    await prune(log);
    const { cursor, reset, done } = await stream(log);
    expect([reset, done]).toEqual([null, true]);
    expect(cursor).toBe(cursorAt(ts)); // beyond its last entry, or it would have to begin anew again
    expect(await resetAt(log, cursor)).toBeNull();
  });

  it("of an empty log begins anew as well", async () => {
    const log = newLog();
    const { cursor } = await stream(log);
    await remove(log, "a");
    wait(RETENTION + MINUTE);
    await prune(log);
    expect(await resetAt(log, cursor)).toBe("pruned");
  });

  it("in the middle of a load goes on if what was forgotten is older than the load", async () => {
    const log = newLog();
    await append(log, ...Array.from({ length: 60 }, (_, n) => entry(`a${n}`)));
    await remove(log, "gone");
    wait(RETENTION + MINUTE);
    await append(log, entry("z"));
    const first = await stream(log, { maxRows: 1 });
    await prune(log);
    expect((await stream(log, { cursor: first.cursor })).reset).toBeNull();
    const all = await pages(log, { maxRows: 1 }, async () => void (await prune(log)));
    expect(all.every(({ reset }) => reset === null)).toBe(true);
  });

  it("in the middle of a load begins anew if it may have read what was removed since", async () => {
    const log = newLog();
    await append(log, ...Array.from({ length: 60 }, (_, n) => entry(`a${n}`)));
    const first = await stream(log, { maxRows: 1 });
    await append(log, tombstone("a0"));
    wait(RETENTION + MINUTE);
    const second = await stream(log, { cursor: first.cursor, maxRows: 1 });
    expect(second.done).toBe(false);
    await prune(log);
    expect(await resetAt(log, first.cursor)).toBe("pruned");
    // What it has caught up with before it was cut off again is no excuse.
    expect(await resetAt(log, second.cursor)).toBe("pruned");
  });

  it("of another scope, or another collection, is not concerned", async () => {
    const log = newLog();
    const other = { scope: "other", cursor: (await stream(log, { scope: "other" })).cursor };
    const mine = (await stream(log)).cursor;
    await remove(log, "a");
    wait(RETENTION + MINUTE);
    await prune(log);
    expect(await resetAt(log, mine)).toBe("pruned");
    expect((await stream(log, other)).reset).toBeNull();
    expect((await stream(log, { collection: "others", cursor: mine })).reset).toBeNull();
  });

  it("begins anew once a backup was restored, each time", async () => {
    const log = newLog();
    await append(log, entry("a"));
    const first = (await stream(log)).cursor;
    await log.mutation(api.maintenance.afterRestore, {});
    expect(await resetAt(log, first)).toBe("restored");
    const second = (await stream(log)).cursor;
    expect(await resetAt(log, second)).toBeNull();
    await log.mutation(api.maintenance.afterRestore, {});
    expect([await resetAt(log, first), await resetAt(log, second)]).toEqual([
      "restored",
      "restored",
    ]);
    expect(await resetAt(log, null)).toBeNull();
  });

  it("begins anew if it has read further than the log has ever come", async () => {
    const log = newLog();
    const ts = (await append(log, entry("a"))) as bigint;
    expect(await resetAt(log, cursorAt(ts))).toBeNull();
    expect(await resetAt(log, cursorAt(ts + 1n))).toBe("restored");
    const inTie = { document: "a", part: "fields", chunk: 0 };
    expect(await resetAt(log, cursorAt(ts, inTie))).toBeNull();
    expect(await resetAt(newLog(), cursorAt(ts))).toBe("restored");
  });

  it("has not read too far when the newest of what it has read was forgotten since", async () => {
    const log = newLog();
    await append(log, entry("a"));
    await remove(log, "b");
    const { cursor } = await stream(log);
    wait(RETENTION + MINUTE);
    await prune(log);
    expect(await resetAt(log, cursor)).toBeNull();
  });
});
