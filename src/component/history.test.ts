import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { loadPart, mintUpdate, readFlat } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import { api, internal } from "./_generated/api.js";
import { entry, newLog, patterned, type Log, type NewEntry } from "./setup.test.js";

const PART = { collection: "tasks", document: "a", part: "fields" };

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

const append = (log: Log, keep: boolean, ...entries: NewEntry[]) =>
  log.mutation(api.log.append, { collection: "tasks", entries, keep }) as Promise<bigint>;

async function edit(log: Log, times: number, keep = true, doc = loadPart([])) {
  const commits: bigint[] = [];
  for (let n = 0; n < times; n++) {
    const bytes = mintUpdate(doc, new Map([["title", `${n}`]]), 7)!;
    commits.push(await append(log, keep, entry("a", { bytes: toArrayBuffer(bytes) })));
  }
  return commits;
}

async function compact(log: Log) {
  vi.setSystemTime(Date.now() + 1_000);
  const thresholds = { entries: 1, bytes: 1, minAgeMs: 0 };
  const args = { collection: "tasks", part: "fields", documents: ["a"], thresholds };
  await log.mutation(api.compaction.compact, args);
}

const remove = (log: Log, keep: boolean) =>
  append(log, keep, entry("a", { kind: "tombstone", bytes: new ArrayBuffer(1) }));

async function titleAt(log: Log, ts: bigint) {
  const updates = await log.query(api.history.versionAt, { ...PART, ts });
  return updates && readFlat(loadPart(updates.map((one) => new Uint8Array(one)))).get("title");
}

const ops = async (log: Log) =>
  (await log.query(api.history.versions, { ...PART, limit: 200 })).map(({ op }) => op);

const counts = (log: Log) =>
  log.run(async (ctx) => ({
    updates: (await ctx.db.query("updates").collect()).length,
    history: (await ctx.db.query("history").collect()).length,
    payloads: (await ctx.db.query("payloads").collect()).length,
  }));

it("moves what a compaction replaces, one document more written for each row", async () => {
  const log = newLog();
  const commits = await edit(log, 32);
  await compact(log);
  // 32 rows deleted, a snapshot and a change inserted as without history, and these 32.
  expect(await counts(log)).toEqual({ updates: 1, history: 32, payloads: 0 });
  for (const [n, ts] of commits.entries()) expect(await titleAt(log, ts)).toBe(`${n}`);
  expect(await titleAt(log, commits[0]! - 1n)).toBeNull();
});

it("keeps nothing that was not written to stay, and says so", async () => {
  const log = newLog();
  const commits = await edit(log, 3, false);
  await compact(log);
  expect(await counts(log)).toEqual({ updates: 1, history: 0, payloads: 0 });
  expect(await ops(log)).toEqual(["snapshot"]);
  expect(await titleAt(log, commits[0]!)).toBeNull();
  expect(await titleAt(log, commits[2]!)).toBe("2");
  await remove(log, false);
  expect(await counts(log)).toEqual({ updates: 1, history: 0, payloads: 0 });
});

it("knows nothing of what was compacted while it was off", async () => {
  const log = newLog();
  const doc = loadPart([]);
  const on = await edit(log, 2, true, doc);
  await compact(log);
  const off = await edit(log, 2, false, doc);
  await compact(log);
  expect(await ops(log)).toEqual(["snapshot", "update", "insert"]);
  const titles = await Promise.all([...on, ...off].map((ts) => titleAt(log, ts)));
  expect(titles).toEqual(["0", "1", null, "1"]);
});

it("forgets the history of what was removed with its tombstone", async () => {
  const log = newLog();
  await append(log, true, entry("a", { bytes: patterned(5_000) }));
  const ts = await remove(log, true);
  expect(await ops(log)).toEqual(["remove", "insert"]);
  expect(await counts(log)).toEqual({ updates: 1, history: 1, payloads: 1 });
  const ended = { collection: "tasks", document: "a", generation: 1, ts };
  expect(await log.mutation(internal.pruning.prune, ended)).toMatchObject({ done: true });
  expect(await counts(log)).toEqual({ updates: 0, history: 0, payloads: 0 });
});

it("refuses a version that takes too much to rebuild", async () => {
  const log = newLog();
  let ts = 0n;
  for (let n = 0; n < 6; n++) {
    ts = await append(log, true, entry("a", { bytes: new ArrayBuffer(2_000_000) }));
  }
  await expect(log.query(api.history.versionAt, { ...PART, ts })).rejects.toThrow(
    'Document "a" of "tasks" as of commit',
  );
});
