import { describe, expect, it } from "vitest";
import { loadPart, mintUpdate } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import { api } from "./_generated/api.js";
import { MAX_ENDED } from "./generations.js";
import { append, entry, newLog, patterned, read, stream, type Log } from "./setup.test.js";

const stateVector = patterned(5);
const tombstone = (document: string, generation = 1) =>
  entry(document, { kind: "tombstone", generation, bytes: stateVector });

it("knows nothing of a document that never was", async () => {
  expect(await read(newLog(), "a")).toStrictEqual([
    { generation: 0, live: false, updates: [], ended: [], long: false, whole: true },
  ]);
});

it("answers for each document in the order asked for", async () => {
  const log = newLog();
  await append(log, entry("a"), entry("b", { generation: 3 }));
  const states = await read(log, "b", "none", "a");
  expect(states.map((state) => state.generation)).toStrictEqual([3, 0, 1]);
});

it("leaves of a removed document only its tombstone, payloads gone too", async () => {
  const log = newLog();
  await append(log, entry("a", { bytes: patterned(1_200_000) }), entry("b"));
  await append(log, entry("a"));
  await append(log, tombstone("a"));
  expect(await read(log, "a")).toStrictEqual([
    {
      generation: 1,
      live: false,
      updates: [],
      ended: [{ generation: 1, stateVector }],
      long: false,
      whole: true,
    },
  ]);
  const { entries } = await stream(log);
  expect(entries.map(({ document, kind }) => [document, kind])).toStrictEqual([
    ["b", "update"],
    ["a", "tombstone"],
  ]);
  expect(await log.run((ctx) => ctx.db.query("payloads").collect())).toStrictEqual([]);
});

it("starts a clean generation after a tombstone, also within one commit", async () => {
  const log = newLog();
  await append(log, entry("a"));
  await append(log, tombstone("a"), entry("a", { generation: 2, bytes: patterned(9) }));
  expect(await read(log, "a")).toStrictEqual([
    {
      generation: 2,
      live: true,
      updates: [patterned(9)],
      ended: [{ generation: 1, stateVector }],
      long: false,
      whole: true,
    },
  ]);
});

it("remembers every generation that ended", async () => {
  const log = newLog();
  for (const generation of [1, 2, 3]) {
    await append(log, entry("a", { generation }));
    await append(log, tombstone("a", generation));
  }
  const [state] = await read(log, "a");
  expect(state!.ended.map((end) => end.generation)).toStrictEqual([1, 2, 3]);
  expect(state!.live).toBe(false);
});

it("ends all parts of a document at once", async () => {
  const log = newLog();
  await append(log, entry("a"), entry("a", { part: "body" }));
  await append(log, tombstone("a"));
  expect((await stream(log)).entries.map((one) => one.kind)).toStrictEqual(["tombstone"]);
});

describe("a document that came and went any number of times", () => {
  /** A document with so many ended generations, and then a live one. */
  async function risen(log: Log, document: string, ended: number, ...updates: ArrayBuffer[]) {
    await log.run(async (ctx) => {
      const { begins: _, ...head } = tombstone(document);
      for (let generation = 1; generation <= ended; generation++) {
        const row = { collection: "tasks", ...head, generation, chunk: 0, last: true };
        const size = stateVector.byteLength;
        const ts = BigInt(generation);
        await ctx.db.insert("updates", { ...row, ts, size, payload: null } as never);
      }
    });
    const generation = ended + 1;
    for (const [index, bytes] of updates.entries()) {
      await append(log, entry(document, { generation, begins: index === 0, bytes }));
    }
    return generation;
  }

  it("is read, and recovered, for what there is of its live generation", async () => {
    const log = newLog();
    await risen(log, "a", 1_000, edits(1)[0]!);
    const args = { collection: "tasks", part: "fields" };
    // With all its tombstones that would be more than 32,000 rows.
    const names = Array.from({ length: 33 }, () => "a");
    const states = await log.query(api.log.read, { ...args, documents: names });
    expect(states.map(({ generation, updates }) => [generation, updates.length])).toStrictEqual(
      names.map(() => [1_001, 1]),
    );
    const held = { generation: 0, stateVector: new ArrayBuffer(1) };
    const documents = names.map((document) => ({ document, ...held }));
    expect(await log.query(api.recover.recover, { ...args, documents })).toHaveLength(33);
  });

  it("is compacted", async () => {
    const log = newLog();
    await risen(log, "a", 1_000, ...edits(40));
    const thresholds = { entries: 1, bytes: 1, minAgeMs: 0 };
    const args = { collection: "tasks", part: "fields", documents: ["a"], thresholds };
    expect(await log.mutation(api.compaction.compact, args)).toMatchObject({ entries: 40 });
    expect((await read(log, "a"))[0]!.updates).toHaveLength(1);
  });

  it("is removed with all that was in it, and counts as one document less", async () => {
    const log = newLog();
    const generation = await risen(log, "a", 4_000, ...edits(3));
    await append(log, tombstone("a", generation));
    const rows = await log.run((ctx) => ctx.db.query("updates").collect());
    expect(rows.filter(({ kind }) => kind === "update")).toStrictEqual([]);
    const changes = await log.run((ctx) => ctx.db.query("statisticsDeltas").collect());
    const total = changes.flatMap((change) => change.documents.map((one) => one.documents));
    expect(total.reduce((sum, count) => sum + count, 0)).toBe(0);
  });

  it("keeps the tombstones of the newest generations that ended, and of no more", async () => {
    const log = newLog();
    for (let generation = 1; generation <= MAX_ENDED + 8; generation++) {
      await append(log, entry("a", { generation, begins: true }), entry("b"));
      await append(log, tombstone("a", generation));
    }
    const { entries } = await stream(log);
    const kept = entries.filter(({ kind }) => kind === "tombstone");
    expect(kept.map(({ generation }) => generation)).toStrictEqual(
      Array.from({ length: MAX_ENDED }, (_, n) => n + 9),
    );
    // Statistics are told.
    const changes = await log.run((ctx) => ctx.db.query("statisticsDeltas").collect());
    const of = changes.flatMap(({ documents }) => documents.filter((one) => one.document === "a"));
    expect(of.reduce((sum, change) => sum + change.entries, 0)).toBe(MAX_ENDED);
  });

  it("tells the newest generations that ended, if it is asked, and past what is left of any", async () => {
    const log = newLog();
    const generation = await risen(log, "a", 100, patterned(3));
    const left = await log.run((ctx) => ctx.db.query("updates").order("desc").first());
    for (const ended of [90, 80, 70]) {
      const { _id, _creationTime, ...row } = left!;
      const outdated = { ...row, generation: ended, ts: BigInt(ended - 1) };
      await log.run((ctx) => ctx.db.insert("updates", outdated));
    }
    const [state] = await read(log, "a");
    const newest = Array.from({ length: MAX_ENDED }, (_, n) => generation - MAX_ENDED + n);
    expect(state!.ended.map((end) => end.generation)).toStrictEqual(newest);
    const args = { collection: "tasks", part: "fields", documents: ["a", "a"] };
    const states = await log.query(api.log.read, {
      ...args,
      endedSince: [generation - 2, Infinity],
    });
    expect(states.map(({ ended }) => ended.length)).toStrictEqual([2, 0]);
  });
});

describe("a document whose log is longer than can be read", { timeout: 120_000 }, () => {
  it("is told as such, with the beginning of it, and is removed with as much as fits", async () => {
    const log = newLog();
    const large = patterned(1_000_000);
    for (let n = 0; n < 18; n++) await append(log, entry("a", { begins: n === 0, bytes: large }));
    const [state] = await read(log, "a");
    expect(state).toMatchObject({ generation: 1, live: true, whole: false });
    expect(state!.updates).toHaveLength(2);
    await append(log, tombstone("a"));
    const after = (await read(log, "a"))[0]!;
    expect(after).toMatchObject({ live: false, whole: true, updates: [] });
    // Of what is left every entry can still be read.
    const { entries } = await stream(log);
    expect(entries.length).toBeLessThan(18 - 5);
    for (const { kind, bytes } of entries) {
      if (kind === "update") expect(bytes.byteLength).toBe(large.byteLength);
    }
  });

  it("is removed when it is one of very many small rows, too", async () => {
    const log = newLog();
    const bytes = patterned(3_900);
    for (let n = 0; n < 10; n++) {
      const some = Array.from({ length: 500 }, () => entry("a", { bytes }));
      await append(log, ...some);
    }
    expect((await read(log, "a"))[0]).toMatchObject({ live: true, whole: false });
    await append(log, tombstone("a"));
    expect((await read(log, "a"))[0]).toMatchObject({ live: false });
  });
});

/** Edits of one field by one author. */
function edits(count: number): ArrayBuffer[] {
  const doc = loadPart([]);
  return Array.from({ length: count }, (_, n) =>
    toArrayBuffer(mintUpdate(doc, new Map([["title", `title ${n}`]]), 7)!),
  );
}
