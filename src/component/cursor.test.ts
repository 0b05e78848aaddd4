import { describe, expect, it } from "vitest";
import {
  append,
  cursorAt,
  documentsOf,
  entry,
  fingerprint,
  newLog,
  pages,
  patterned,
  stream,
} from "./setup.test.js";
import { decodeCursor } from "./position.js";

/** The smallest page that the log gives. */
const SMALL = { maxRows: 1 };

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(3, "0")}`);

describe("cursors", () => {
  it("lead through a tie of many documents, seeing every entry once", async () => {
    const log = newLog();
    const tie = names("d", 75);
    await append(log, ...tie.map((name) => entry(name)));
    const all = await pages(log, SMALL);
    expect(all.length).toBeGreaterThan(3);
    expect(all.flatMap((page) => page.entries.map((one) => one.document))).toStrictEqual(tie);
  });

  it("lead through a tie of parts and of chunks", async () => {
    const log = newLog();
    const entries = names("d", 7).flatMap((document) =>
      ["body", "fields"].flatMap((part) =>
        [1, 2, 3].map((n) => entry(document, { part, bytes: patterned(n) })),
      ),
    );
    await append(log, ...entries);
    const seen = (await pages(log, SMALL)).flatMap((page) => page.entries);
    expect(
      seen.map(({ document, part, bytes }) => [document, part, bytes.byteLength]),
    ).toStrictEqual(entries.map(({ document, part, bytes }) => [document, part, bytes.byteLength]));
  });

  it("see every entry exactly once from every possible cut of a tie", async () => {
    const log = newLog();
    const ts = (await append(log, ...names("d", 20).map((name) => entry(name)))) as bigint;
    await append(log, entry("later"));
    for (const [at, document] of names("d", 20).entries()) {
      const cursor = cursorAt(ts, { document, part: "fields", chunk: 0 });
      expect(await documentsOf(log, { ...SMALL, cursor })).toStrictEqual([
        ...names("d", 20).slice(at + 1),
        "later",
      ]);
    }
    expect(await documentsOf(log, { cursor: cursorAt(ts) })).toStrictEqual(["later"]);
  });

  it("miss nothing and repeat nothing while new commits land between pages", async () => {
    const log = newLog();
    await append(log, ...names("d", 40).map((name) => entry(name)));
    let landed = 0;
    const all = await pages(log, SMALL, async () => {
      // Sorts before, inside and after the tie that is being read.
      if (landed < 3)
        await append(log, ...["a", "d015", "z"].map((name) => entry(`${name}+${landed++}`)));
    });
    const seen = all.flatMap((page) => page.entries.map((one) => one.document));
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(40 + landed);
  });

  it("never part the rows of one entry", async () => {
    const log = newLog();
    const big = patterned(1.5 * 1024 * 1024);
    await append(log, ...names("d", 14).map((name) => entry(name)), entry("e", { bytes: big }));
    await append(log, entry("f"));
    const all = await pages(log, SMALL);
    const entries = all.flatMap((page) => page.entries);
    expect(entries.map((one) => one.document)).toStrictEqual([...names("d", 14), "e", "f"]);
    expect(fingerprint(entries[14]!.bytes)).toBe(fingerprint(big));
  });

  it("stay where they are at the end, and see only what comes", async () => {
    const log = newLog();
    await append(log, entry("a"));
    const { cursor } = await stream(log);
    expect(await stream(log, { cursor })).toStrictEqual({
      entries: [],
      cursor,
      done: true,
      progress: 1,
      reset: null,
    });
    await append(log, entry("b"));
    expect((await stream(log, { cursor })).entries.map((one) => one.document)).toStrictEqual(["b"]);
  });

  it("go on after the entry they name was removed", async () => {
    const log = newLog();
    await append(log, ...names("d", 20).map((name) => entry(name)));
    const { cursor, entries } = await stream(log, SMALL);
    const last = entries.at(-1)!.document;
    await append(log, entry(last, { kind: "tombstone" }));
    const rest = await documentsOf(log, { ...SMALL, cursor });
    expect(rest).toStrictEqual([...names("d", 20).slice(entries.length), last]);
  });

  it.each([
    "",
    "null",
    "[]",
    "{}",
    "5",
    '["-1",""]',
    '["x",""]',
    '[1,""]',
    '["1"]',
    '["1",1]',
    '["99999999999999999999",""]',
    '["9223372036854775808",""]',
    '{"length":1}',
    "[[1]]",
    "not json",
    "\ud800",
    '["1","","1"]',
    '["1","","x","a","fields",1]',
    '["1","","1","a","fields",1.5]',
    '["1","","1","a","fields",null]',
    '["1","","1",{},[],{}]',
    '["1","","1","a","fields",1,2]',
  ])("are of no use when they are %j: whoever has one begins anew", async (cursor) => {
    const log = newLog();
    await append(log, entry("a"));
    expect(decodeCursor(cursor)).toBeNull();
    expect(await stream(log, { cursor })).toStrictEqual({
      entries: [],
      cursor: null,
      done: false,
      progress: 0,
      reset: "restored",
    });
  });

  it("are safe when their tie is hostile", async () => {
    const log = newLog();
    await append(log, entry("a"));
    const inTie = { document: "\ud800", part: "fields", chunk: Number.MAX_SAFE_INTEGER };
    expect(await documentsOf(log, { cursor: cursorAt(1n, inTie) })).toStrictEqual(["a"]);
  });
});
