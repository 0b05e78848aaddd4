import * as Y from "yjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { captureUpdate, loadPart, readFlat } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import { api } from "./_generated/api.js";
import { append, cursorAt, entry, newLog, pages, read, stream, type Log } from "./setup.test.js";

const AT_ONCE = { entries: 1, bytes: 1, minAgeMs: 0 };
const MINUTE = 60_000;

// The log's positions come from the clock here, so that entries have an age.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

const wait = (ms: number) => vi.setSystemTime(Date.now() + ms);

const compact = (log: Log, thresholds = AT_ONCE, ...documents: string[]) =>
  log.mutation(api.compaction.compact, {
    collection: "tasks",
    part: "fields",
    documents: documents.length > 0 ? documents : ["a"],
    thresholds,
  });

/** Someone who writes to one document, and knows what it says. */
class Author {
  readonly doc = new Y.Doc({ guid: "author" });

  constructor(readonly clientId = 7) {}

  write(key: string, value: unknown): ArrayBuffer {
    const update = captureUpdate(this.doc, () => {
      this.doc.clientID = this.clientId;
      this.doc.getMap("fields").set(key, value);
    });
    return toArrayBuffer(update!);
  }
}

/** A log of one document with so many writes, each in a commit of its own. */
async function written(...values: unknown[]) {
  const log = newLog();
  const author = new Author();
  const timestamps: bigint[] = [];
  for (const [index, value] of values.entries()) {
    const bytes = author.write(index % 2 ? "x" : "y", value);
    timestamps.push((await append(log, entry("a", { bytes }))) as bigint);
    wait(MINUTE);
  }
  return { log, author, timestamps };
}

const fieldsIn = (bytes: ArrayBuffer[]) =>
  Object.fromEntries(readFlat(loadPart(bytes.map((one) => new Uint8Array(one)))));

const rows = (log: Log) => log.run((ctx) => ctx.db.query("updates").collect());
const payloads = (log: Log) => log.run((ctx) => ctx.db.query("payloads").collect());

describe("a snapshot", () => {
  it("takes the place of the newest entry in it, and says the same", async () => {
    const { log, timestamps } = await written(1, 2, 3, 4, 5);
    expect(await compact(log, { ...AT_ONCE, minAgeMs: 3 * MINUTE })).toMatchObject({
      documents: 1,
      entries: 3,
    });
    expect((await rows(log)).map(({ ts }) => ts).toSorted()).toEqual(timestamps.slice(2));
    expect(fieldsIn((await read(log, "a"))[0]!.updates)).toEqual({ x: 4, y: 5 });
  });

  it("is in what every cursor has still to see, and in nothing else", async () => {
    const { log, timestamps } = await written(1, 2, 3, 4, 5);
    const history = await after(log, 0n);
    await compact(log, { ...AT_ONCE, minAgeMs: 3 * MINUTE });
    // The first three are in the snapshot, which stands where the third was.
    for (const [index, left] of [3, 3, 2, 1, 0].entries()) {
      const entries = await after(log, timestamps[index]!);
      expect(entries).toHaveLength(left);
      const known = history.slice(0, index + 1);
      expect(fieldsIn([...known, ...entries])).toEqual({ x: 4, y: 5 });
    }
  });

  it("stands behind everything of the commit it ends with, so that no cursor inside it misses any", async () => {
    const log = newLog();
    const author = new Author();
    const updates = [1, 2, 3].map((value) => author.write("x", value));
    const ts = (await append(log, ...updates.map((bytes) => entry("a", { bytes })))) as bigint;
    await compact(log);
    for (const chunk of [0, 1]) {
      const inTie = { document: "a", part: "fields", chunk };
      const { entries } = await stream(log, { cursor: cursorAt(ts, inTie) });
      expect(fieldsIn(entries.map(({ bytes }) => bytes))).toEqual({ x: 3 });
    }
    const end = cursorAt(ts);
    expect((await stream(log, { cursor: end })).entries).toEqual([]);
  });

  it("never parts the entries of one commit", async () => {
    const { log, author } = await written(1, 2);
    const together = [6, 7].map((value) => entry("a", { bytes: author.write("z", value) }));
    await append(log, ...together);
    for (let n = 0; n < 30; n++) await append(log, entry("a", { bytes: author.write("x", n) }));
    // Clients may still have to see the 31 newest, and that would cut between the two.
    await compact(log, { ...AT_ONCE, minAgeMs: 60 * MINUTE });
    expect((await read(log, "a"))[0]!.updates).toHaveLength(1 + 2 + 30);
  });

  it("needs several rows when it is large, and leaves no bytes behind", async () => {
    const log = newLog();
    const author = new Author();
    const large = (seed: number) => String(seed).repeat(600_000);
    for (const [index, key] of ["x", "x", "y"].entries()) {
      await append(log, entry("a", { bytes: author.write(key, large(index)) }));
    }
    expect(await payloads(log)).toHaveLength(6);
    await compact(log);
    expect((await rows(log)).map(({ chunk, last }) => [chunk, last])).toEqual([
      [2, false],
      [3, false],
      [4, true],
    ]);
    expect((await payloads(log)).length).toBe(3);
    const streamed = (await pages(log)).flatMap(({ entries }) => entries);
    expect(streamed).toHaveLength(1);
    expect(fieldsIn([streamed[0]!.bytes])).toEqual({ x: large(1), y: large(2) });
  });

  it("has forgotten what nobody can see any more", async () => {
    const { log } = await written(...Array.from({ length: 40 }, (_, n) => "long ".repeat(50) + n));
    await compact(log);
    const [only, ...others] = await rows(log);
    expect(others).toEqual([]);
    expect(only!.size).toBeLessThan(1_000);
  });

  it("of 500 edits of one field has at most 1 KiB", async () => {
    const log = newLog();
    const author = new Author();
    for (let n = 0; n < 500; n += 50) {
      const edits = Array.from({ length: 50 }, (_, at) => author.write("title", `title ${n + at}`));
      await append(log, ...edits.map((bytes) => entry("a", { bytes })));
    }
    expect(await compact(log)).toMatchObject({ entries: 500 });
    const [only, ...others] = await rows(log);
    expect(others).toEqual([]);
    expect(only!.size).toBeLessThanOrEqual(1_024);
    expect(fieldsIn((await read(log, "a"))[0]!.updates)).toEqual({ title: "title 499" });
  });

  it("merges with changes that build on what is in it", async () => {
    const log = newLog();
    const author = new Author();
    const stale = new Author(8);
    const bytes = author.write("x", 1);
    Y.applyUpdate(stale.doc, new Uint8Array(bytes));
    const late = stale.write("x", "late");
    await append(log, entry("a", { bytes }));
    for (let n = 0; n < 5; n++) await append(log, entry("a", { bytes: author.write("x", n) }));
    await compact(log);
    await append(log, entry("a", { bytes: late }));
    expect(fieldsIn((await read(log, "a"))[0]!.updates)).toEqual({ x: "late" });
  });
});

describe("compaction", () => {
  it("stays on its side of a tombstone", async () => {
    const { log } = await written(1, 2);
    const [old] = await rows(log);
    await append(log, entry("a", { kind: "tombstone" }));
    // A leftover of the ended generation, as of one too long to be cleared at once.
    await log.run((ctx) => {
      const { _id, _creationTime, ...fields } = old!;
      return ctx.db.insert("updates", fields);
    });
    const author = new Author(9);
    for (const value of ["new", "newer"]) {
      await append(log, entry("a", { generation: 2, bytes: author.write("z", value) }));
    }
    await compact(log);
    const kinds = (await rows(log)).map(({ kind, generation }) => [kind, generation]);
    expect(kinds.sort()).toEqual([
      ["tombstone", 1],
      ["update", 1],
      ["update", 2],
    ]);
    expect(fieldsIn((await read(log, "a"))[0]!.updates)).toEqual({ z: "newer" });
  });

  it("leaves alone what is removed, unknown or short", async () => {
    const { log } = await written(1);
    await append(log, entry("b", { kind: "tombstone" }));
    expect(await compact(log, AT_ONCE, "a", "b", "never")).toMatchObject({
      documents: 0,
      entries: 0,
      bytes: 0,
    });
    expect(await rows(log)).toHaveLength(2);
  });

  it("leaves everything as it is when the log has a gap", async () => {
    const log = newLog();
    const author = new Author();
    author.write("x", "never appended");
    for (const value of [2, 3]) {
      await append(log, entry("a", { bytes: author.write("x", value) }));
    }
    const before = await rows(log);
    await expect(compact(log)).rejects.toThrow("The log has a gap");
    expect(await rows(log)).toEqual(before);
  });

  it("compacts other parts and documents only when asked", async () => {
    const { log, author } = await written(1, 2);
    for (const name of ["b", "b"]) {
      await append(log, entry(name, { bytes: author.write("x", 1) }));
      await append(log, entry("a", { part: "body", bytes: author.write("x", 1) }));
    }
    await compact(log);
    expect((await rows(log)).map(({ document, part }) => document + part).sort()).toEqual([
      "abody",
      "abody",
      "afields",
      "bfields",
      "bfields",
    ]);
  });

  it("does in one transaction what fits, and the rest the next time", async () => {
    const log = newLog();
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) {
      const author = new Author();
      for (let n = 0; n < 500; n += 100) {
        const bytes = Array.from({ length: 100 }, (_, at) => author.write("x", n + at));
        await append(log, ...bytes.map((one) => entry(name, { bytes: one })));
      }
    }
    expect(await compact(log, AT_ONCE, ...names)).toMatchObject({ documents: 4, entries: 2_000 });
    expect(await compact(log, AT_ONCE, ...names)).toMatchObject({ documents: 1, entries: 500 });
    expect(await rows(log)).toHaveLength(5);
  });

  it("makes headway with a document that is too long for one transaction", async () => {
    const log = newLog();
    const author = new Author();
    const large = (n: number) => String(n % 10).repeat(700_000);
    for (let n = 0; n < 8; n++) {
      await append(log, entry("a", { bytes: author.write("x", large(n)) }));
    }
    expect(await compact(log)).toMatchObject({ entries: 5 });
    for (let times = 0; times < 3; times++) await compact(log);
    expect(await rows(log)).toHaveLength(2); // two slices of one snapshot
  });
});

async function after(log: Log, ts: bigint): Promise<ArrayBuffer[]> {
  const all = await pages(log, { cursor: cursorAt(ts) });
  return all.flatMap(({ entries }) => entries.map(({ bytes }) => bytes));
}
