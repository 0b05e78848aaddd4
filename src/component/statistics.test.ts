import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api, internal } from "./_generated/api.js";
import type { Doc } from "./_generated/dataModel.js";
import { append, entry, newLog, type Log, type NewEntry } from "./setup.test.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const TASKS = { collection: "tasks" };
const LARGE = new ArrayBuffer(600_000); // two rows

const insert = (document: string, rest: Partial<NewEntry> = {}) =>
  entry(document, { begins: true, bytes: new ArrayBuffer(10), ...rest });
const update = (document: string, rest: Partial<NewEntry> = {}) =>
  entry(document, { bytes: new ArrayBuffer(10), ...rest });
const tombstone = (document: string, rest: Partial<NewEntry> = {}) =>
  update(document, { kind: "tombstone", ...rest });

const read = (log: Log, scope = "", collection = "tasks") =>
  log.query(api.statistics.read, { collection, scope });
const finish = (log: Log) => log.finishAllScheduledFunctions(vi.runAllTimers);
const runOf = async (log: Log) => (await log.run((ctx) => ctx.db.query("folds").first()))!.run;

async function fold(log: Log) {
  await log.mutation(api.statistics.fold, {});
  await finish(log);
  return read(log);
}

async function count(log: Log, how: "verify" | "repair") {
  await log.mutation(api.statistics[how], TASKS);
  await finish(log);
  return (await log.query(api.statistics.lastCount, TASKS))!;
}

/** Rows as they were before there were statistics, or as a bug might leave them. */
const plant = (log: Log, rows: Partial<Doc<"updates">>[]) =>
  log.run(async (ctx) => {
    for (const [n, row] of rows.entries()) {
      await ctx.db.insert("updates", {
        collection: "tasks",
        scope: "",
        document: "old",
        part: "fields",
        chunk: 0,
        last: true,
        generation: 1,
        kind: "update",
        ts: BigInt(n),
        size: 10,
        bytes: new ArrayBuffer(10),
        payload: null,
        ...row,
      });
    }
  });

const manyRows = (document: string, times: number) =>
  Array.from({ length: times }, () => ({ document }));

describe("statistics", () => {
  it("tell nothing until a collection was counted for the first time", async () => {
    const log = newLog();
    await append(log, insert("a"), update("a"), insert("b"));
    expect(await read(log)).toBeNull();
    const asOf = Date.now();
    expect(await fold(log)).toEqual({ documents: 2, entries: 3, bytes: 30, asOf });
    expect(await log.query(api.statistics.lastCount, TASKS)).toMatchObject({
      mends: true,
      rows: 3,
      drifts: [],
      failure: null,
    });
  });

  it("tell what was there at the last fold, and when that was", async () => {
    const log = newLog();
    await append(log, insert("a"));
    const before = await fold(log);
    vi.setSystemTime(Date.now() + 60_000);
    await append(log, insert("b"));
    expect(await read(log)).toEqual(before);
    expect(await fold(log)).toEqual({
      documents: 2,
      entries: 2,
      bytes: 20,
      asOf: before!.asOf + 60_000,
    });
  });

  it("count an entry of several rows once, with the bytes of all", async () => {
    const log = newLog();
    await append(log, insert("a", { bytes: LARGE }));
    await fold(log);
    await append(log, update("a", { bytes: LARGE }));
    expect(await fold(log)).toMatchObject({ documents: 1, entries: 2, bytes: 1_200_000 });
    await append(log, tombstone("a"));
    expect(await fold(log)).toMatchObject({ documents: 0, entries: 1, bytes: 10 });
  });

  it("count a document that is removed and inserted again, in one push or several", async () => {
    const log = newLog();
    await append(log, insert("a"), insert("b"));
    await fold(log);
    await append(log, tombstone("a"), insert("a", { generation: 2 }), tombstone("b"));
    expect(await fold(log)).toMatchObject({ documents: 1, entries: 3 });
    await append(log, insert("b", { generation: 2 }), tombstone("b", { generation: 2 }));
    expect(await fold(log)).toMatchObject({ documents: 1, entries: 4 });
    await append(log, insert("b", { generation: 3 }));
    expect(await fold(log)).toMatchObject({ documents: 2, entries: 5 });
  });

  it("keep scopes and collections apart", async () => {
    const log = newLog();
    await append(
      log,
      insert("a", { scope: "x" }),
      insert("b", { scope: "y" }),
      insert("c", { scope: "y" }),
    );
    await log.mutation(api.log.append, { collection: "notes", entries: [insert("a")] });
    await fold(log);
    expect(await read(log, "x")).toMatchObject({ documents: 1, entries: 1 });
    expect(await read(log, "y")).toMatchObject({ documents: 2, entries: 2 });
    expect(await read(log, "z")).toMatchObject({ documents: 0, entries: 0 });
    expect(await read(log, "", "notes")).toMatchObject({ documents: 1 });
  });
});

describe("a fold", () => {
  it("takes as many steps as it needs, and leaves no change behind", async () => {
    const log = newLog();
    await append(log, insert("a"));
    await fold(log);
    await log.run(async (ctx) => {
      const documents = [{ document: "a", documents: 0, entries: 1, bytes: 10 }];
      for (let n = 0; n < 1_200; n++) {
        await ctx.db.insert("statisticsDeltas", {
          ...TASKS,
          scope: "",
          documents,
          ts: ctx.db.vars.commitTs,
        });
      }
    });
    await log.mutation(api.statistics.fold, {});
    expect(await read(log)).toMatchObject({ entries: 1 + 500 });
    await finish(log);
    expect(await read(log)).toMatchObject({ entries: 1 + 1_200 });
    expect(await log.run((ctx) => ctx.db.query("statisticsDeltas").collect())).toEqual([]);
  });

  it("takes what one mutation did to thousands of documents", async () => {
    const log = newLog();
    const names = Array.from({ length: 2_500 }, (_, n) => `${n}`.padEnd(128, "\u20ac"));
    await append(log, ...names.map((name) => insert(name)));
    expect(await fold(log)).toMatchObject({ documents: 2_500, entries: 2_500, bytes: 25_000 });
  });

  it("counts nothing twice, however often it is called and wherever it stops", async () => {
    const log = newLog();
    await append(log, insert("a"));
    await log.mutation(api.statistics.fold, {}); // its second step never runs
    vi.clearAllTimers();
    await append(log, insert("b"));
    for (let times = 0; times < 3; times++) {
      await log.mutation(internal.statistics.foldMore, { run: await runOf(log) });
    }
    expect(await fold(log)).toMatchObject({ documents: 2, entries: 2, bytes: 20 });
    expect(await fold(log)).toMatchObject({ documents: 2, entries: 2, bytes: 20 });
  });

  it("that another has replaced does nothing", async () => {
    const log = newLog();
    await append(log, insert("a"));
    await fold(log);
    const old = await runOf(log);
    await append(log, insert("b"));
    await fold(log);
    await append(log, insert("c"));
    await log.mutation(internal.statistics.foldMore, { run: old });
    expect(await read(log)).toMatchObject({ documents: 2 });
  });

  it("writes nothing when there is nothing to do", async () => {
    const log = newLog();
    await append(log, insert("a"));
    await fold(log);
    const run = await runOf(log);
    await fold(log);
    expect(await runOf(log)).toBe(run);
  });
});

describe("a count", () => {
  /** More rows than a step looks at come before the last document. */
  async function oldLog() {
    const log = newLog();
    await plant(log, [{ document: "a" }, ...manyRows("b", 700), { document: "c" }]);
    return log;
  }

  it("takes up a log that is older than the statistics, with its next write", async () => {
    const log = await oldLog();
    await append(log, update("c"));
    expect(await fold(log)).toMatchObject({ documents: 3, entries: 703, bytes: 7_030 });
  });

  it("takes up a log to which nobody writes when it is told to", async () => {
    const log = await oldLog();
    expect(await fold(log)).toBeNull();
    expect(await count(log, "repair")).toMatchObject({ rows: 702, drifts: [] });
    expect(await read(log)).toMatchObject({ documents: 3, entries: 702, bytes: 7_020 });
  });

  it("tells nothing before it has come to its end", async () => {
    const log = await oldLog();
    await log.mutation(api.statistics.repair, TASKS);
    expect(await read(log)).toBeNull();
    expect(await log.query(api.statistics.lastCount, TASKS)).toMatchObject({
      rows: 701,
      finishedAt: null,
    });
  });

  it("finds a drift, and mends it only when asked to", async () => {
    const log = await oldLog();
    await count(log, "repair");
    await plant(log, [{ document: "d", size: 5 }]);
    await log.run(async (ctx) => {
      const row = await ctx.db.query("statistics").first();
      await ctx.db.patch("statistics", row!._id, { entries: 1 });
    });
    const drifts = [{ scope: "", documents: 1, entries: 702, bytes: 5 }];
    expect(await count(log, "verify")).toMatchObject({ drifts, mends: false });
    expect(await read(log)).toMatchObject({ documents: 3, entries: 1, bytes: 7_020 });
    expect(await count(log, "repair")).toMatchObject({ drifts, mends: true });
    expect(await read(log)).toMatchObject({ documents: 4, entries: 703, bytes: 7_025 });
    expect(await count(log, "verify")).toMatchObject({ drifts: [], rows: 703 });
  });

  it("finds totals of a scope in which there is nothing", async () => {
    const log = await oldLog();
    await count(log, "repair");
    await log.run(async (ctx) => {
      const row = { ...TASKS, scope: "gone", documents: 2, entries: 3, bytes: 4, counted: null };
      await ctx.db.insert("statistics", row);
    });
    const drifts = [{ scope: "gone", documents: -2, entries: -3, bytes: -4 }];
    expect(await count(log, "repair")).toMatchObject({ drifts });
    expect(await count(log, "verify")).toMatchObject({ drifts: [] });
  });

  it("finds none while others write before, at and after where it is", async () => {
    const log = await oldLog();
    await count(log, "repair");
    await log.mutation(api.statistics.verify, TASKS);
    await append(log, tombstone("a"), update("b"), insert("bb"), update("c"), insert("d"));
    await append(log, insert("a", { generation: 2 }), insert("0"));
    await finish(log);
    expect(await log.query(api.statistics.lastCount, TASKS)).toMatchObject({
      drifts: [],
      failure: null,
    });
    expect(await read(log)).toMatchObject({ documents: 6, entries: 702 + 6 });
  });

  it("finds none when there are more changes than one step counts in", async () => {
    const log = newLog();
    await append(log, insert("a"));
    await fold(log);
    await plant(log, manyRows("a", 800));
    await log.run(async (ctx) => {
      const documents = [{ document: "a", documents: 0, entries: 1, bytes: 10 }];
      for (let n = 0; n < 800; n++) {
        const ts = ctx.db.vars.commitTs;
        await ctx.db.insert("statisticsDeltas", { ...TASKS, scope: "", documents, ts });
      }
    });
    expect(await count(log, "verify")).toMatchObject({ drifts: [], rows: 801 });
  });

  it("knows what it has passed by the order of the index, not of JavaScript", async () => {
    const log = newLog();
    const [first, second] = ["\uffee", "\u{1f600}"]; // in UTF-16 the other way round
    await plant(log, [...manyRows(first, 500), { document: second }]);
    await count(log, "repair");
    await log.mutation(api.statistics.verify, TASKS);
    await append(log, update(first), update(second));
    await finish(log);
    expect(await log.query(api.statistics.lastCount, TASKS)).toMatchObject({
      drifts: [],
      rows: 502,
    });
  });

  it("goes on where it was after a crash", async () => {
    const log = await oldLog();
    await log.mutation(api.statistics.repair, TASKS);
    vi.clearAllTimers();
    await fold(log);
    expect(await log.query(api.statistics.lastCount, TASKS)).toMatchObject({
      rows: 702,
      failure: null,
    });
    expect(await read(log)).toMatchObject({ documents: 3, entries: 702 });
  });

  it("that is asked for again starts afresh, and still mends", async () => {
    const log = await oldLog();
    await log.mutation(api.statistics.repair, TASKS);
    await plant(log, [{ document: "0" }]);
    expect(await count(log, "verify")).toMatchObject({ mends: true, rows: 703 });
    expect(await read(log)).toMatchObject({ documents: 4 });
  });

  it("gives up, and says so, at a document that is too long to be read", async () => {
    const log = newLog();
    await append(log, insert("a"));
    await fold(log);
    const bytes = new ArrayBuffer(4_000);
    for (let n = 0; n < 5; n++) {
      await plant(
        log,
        Array.from({ length: 500 }, () => ({ document: "b", bytes })),
      );
    }
    const { failure, drifts, finishedAt } = await count(log, "repair");
    expect(failure).toContain('Document "b" of "tasks"');
    expect([drifts, finishedAt]).toEqual([[], Date.now()]);
    await append(log, insert("c"));
    expect(await fold(log)).toMatchObject({ documents: 2, entries: 2 });
  });
});
