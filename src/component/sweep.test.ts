import * as Y from "yjs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { loadPart, mintUpdate, readFlat } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import { api, internal } from "./_generated/api.js";
import { append, entry, newLog, pages, read, type Log } from "./setup.test.js";

const HOUR = 60 * 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** Writes to each of some documents, every write in a commit of its own. */
async function edit(log: Log, names: string[], times: number) {
  for (const name of names) {
    const known = (await read(log, name))[0]!.updates.map((update) => new Uint8Array(update));
    const doc = loadPart(known);
    for (let n = 0; n < times; n++) {
      const bytes = mintUpdate(doc, new Map([["title", `${name} ${n}`]]), 7)!;
      await append(log, entry(name, { bytes: toArrayBuffer(bytes) }));
    }
  }
}

async function sweep(log: Log) {
  await log.mutation(api.maintenance.run, { sweep: "compaction" });
  await log.finishAllScheduledFunctions(vi.runAllTimers);
  return lastRun(log);
}

const lastRun = async (log: Log) =>
  (await log.query(api.maintenance.status, {})).compaction.lastRun;

const runNumber = (log: Log) => log.run(async (ctx) => (await ctx.db.query("sweeps").first())!.run);

const wait = (ms: number) => vi.setSystemTime(Date.now() + ms);
const count = (log: Log) =>
  log.run(async (ctx) => (await ctx.db.query("updates").collect()).length);

it("compacts what nobody touches any more, as clients see it", async () => {
  const log = newLog();
  const names = Array.from({ length: 30 }, (_, n) => `d${n}`);
  await edit(log, names, 10);
  expect(await sweep(log)).toMatchObject({ documents: 0, finishedAt: Date.now() });
  wait(HOUR);
  // More rows than one step looks at.
  expect(await sweep(log)).toMatchObject({ documents: 30, entries: 300, failures: 0 });
  expect(await count(log)).toBe(30);
  const entries = (await pages(log)).flatMap((page) => page.entries);
  for (const { document, bytes } of entries) {
    const title = readFlat(loadPart([new Uint8Array(bytes)])).get("title");
    expect(title).toBe(`${document} 9`);
  }
});

it("looks only at what is new since the last time, and at all of that document", async () => {
  const log = newLog();
  await edit(log, ["old", "other"], 3);
  wait(HOUR);
  expect(await sweep(log)).toMatchObject({ documents: 0 }); // not worth it yet
  await edit(log, ["old"], 1);
  wait(HOUR);
  expect(await sweep(log)).toMatchObject({ documents: 1, entries: 4 });
  expect(await sweep(log)).toMatchObject({ documents: 0, entries: 0 });
  expect(await count(log)).toBe(1 + 3);
});

it("goes through a commit that has more rows than a step looks at", async () => {
  const log = newLog();
  const doc = new Y.Doc({ guid: "one" });
  const bytes = toArrayBuffer(mintUpdate(doc, new Map([["title", "t"]]), 7)!);
  const names = Array.from({ length: 250 }, (_, n) => `d${n}`);
  for (let n = 0; n < 4; n++) await append(log, ...names.map((name) => entry(name, { bytes })));
  wait(HOUR);
  expect(await sweep(log)).toMatchObject({ documents: 250, entries: 1_000 });
});

it("passes by a document that cannot be compacted, and says so", async () => {
  const log = newLog();
  for (let n = 0; n < 4; n++) await append(log, entry("poison")); // no Yjs update at all
  await edit(log, ["fine"], 5);
  wait(HOUR);
  const result = await sweep(log);
  expect(result).toMatchObject({ documents: 1, failures: 1 });
  expect(result!.lastFailure).toContain("poison");
  expect(await count(log)).toBe(4 + 1);
});

it("carries on where a run was that stopped halfway", async () => {
  const log = newLog();
  await edit(
    log,
    Array.from({ length: 60 }, (_, n) => `d${n}`),
    5,
  );
  wait(HOUR);
  await log.mutation(api.maintenance.run, { sweep: "compaction" });
  await log.mutation(internal.sweep.step, { sweep: "compaction", run: 1 });
  const { documents, finishedAt } = (await lastRun(log))!;
  expect([documents, finishedAt]).toEqual([40, null]);
  expect(await sweep(log)).toMatchObject({ documents: 20 });
  // What is left of the first run comes too late.
  await log.mutation(internal.sweep.step, { sweep: "compaction", run: 1 });
  expect(await count(log)).toBe(60);
});

it("goes on past documents that came and went any number of times", async () => {
  const log = newLog();
  const names = Array.from({ length: 33 }, (_, n) => `d${n}`);
  await edit(log, names, 4);
  await log.run(async (ctx) => {
    const all = await ctx.db.query("updates").collect();
    for (const { _id } of all) await ctx.db.patch("updates", _id, { generation: 1_001 });
    // Tombstones of one document count for all: each is compacted again with every row of its own.
    const { _id, _creationTime, ...row } = all[0]!;
    for (let generation = 1; generation <= 1_000; generation++) {
      const ended = { ...row, kind: "tombstone" as const, generation };
      await ctx.db.insert("updates", {
        ...ended,
        ts: (row.ts as bigint) - 10_000n + BigInt(generation),
      });
    }
  });
  wait(HOUR);
  expect(await sweep(log)).toMatchObject({ documents: 33, failures: 0, finishedAt: Date.now() });
});

it("takes documents one by one after a step that failed as a whole, and passes by the culprit", async () => {
  const log = newLog();
  const names = ["culprit", "a", "b"];
  await edit(log, names, 5);
  wait(HOUR);
  await log.mutation(api.maintenance.run, { sweep: "compaction" });
  // A step that fails leaves no trace: here none runs.
  const tick = async () => {
    wait(HOUR);
    await log.mutation(internal.maintenance.tick, {});
  };
  await tick();
  expect(await lastRun(log)).toMatchObject({ finishedAt: null, failures: 0 });
  await tick();
  const failed = (await lastRun(log))!;
  expect(failed).toMatchObject({ finishedAt: null, failures: 1 });
  expect(failed.lastFailure).toContain("culprit");
  await log.finishAllScheduledFunctions(vi.runAllTimers);
  expect(await lastRun(log)).toMatchObject({ finishedAt: Date.now(), documents: 2, failures: 1 });
  expect(await count(log)).toBe(5 + 1 + 1);
  // It has its chance again once there is something new about it.
  await edit(log, ["culprit"], 1);
  wait(HOUR);
  expect(await sweep(log)).toMatchObject({ documents: 1, failures: 0 });
});

it("goes on after such a step although it is off, once it was started", async () => {
  const log = newLog();
  await edit(log, ["a"], 5);
  wait(HOUR);
  await log.mutation(api.maintenance.configure, { compaction: "off" });
  await log.mutation(api.maintenance.run, { sweep: "compaction" });
  const run = await runNumber(log);
  wait(HOUR); // in which no step runs
  await log.mutation(internal.maintenance.tick, {});
  expect(await runNumber(log)).toBe(run + 1);
});

it("does not take a run for failed that is going on", async () => {
  const log = newLog();
  await edit(log, ["a", "b"], 5);
  wait(HOUR);
  await log.mutation(api.maintenance.run, { sweep: "compaction" });
  await log.mutation(internal.maintenance.tick, {});
  expect(await sweep(log)).toMatchObject({ documents: 2, failures: 0 });
});
