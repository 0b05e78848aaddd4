import type { StorageKey } from "../storage/storage.js";
import { same } from "./assert.js";
import { add, all, get, put, type StorageTest } from "./context.js";

const VALUES = {
  nothing: null,
  truths: [true, false],
  numbers: [0, -1, 0.5, 2 ** 53 - 1, 1e300],
  text: ["", "ä€😀", "a\u0000b"],
  bytes: new Uint8Array([0, 1, 255]),
  noBytes: new Uint8Array(),
  nested: { list: [{ deep: [[]] }], empty: {} },
};

/** More than one digit, so that an order as text would show. */
const MANY = 25;

/** What is stored, in which order, under which keys. */
export const CONTENTS: readonly StorageTest[] = [
  ...(["write", "durable"] as const).map((mode): StorageTest => [
    `keeps what a "${mode}" transaction wrote, for other pages at once`,
    async ({ open }) => {
      const connection = await open();
      await connection.transaction(mode, ["meta", "documents", "outbox"], async (tx) => {
        await tx.put("meta", "k", VALUES);
        await tx.put("documents", "k", 1);
        await tx.add("outbox", "record");
      });
      // The first page is still open: nothing may wait for it to close.
      const other = await open();
      same(await get(other, "meta", "k"), VALUES, "the value");
      same(await get(other, "documents", "k"), 1, "the same key in another store");
      same((await all(other, "outbox")).length, 1, "records");
    },
  ]),
  [
    "keeps stores of different names apart",
    async ({ open, openOther }) => {
      await put(await open(), "meta", "k", 1);
      for (const suffix of ["a", "A", "/a", "%2Fa", " a", "é"]) {
        const other = await openOther(suffix);
        same(await get(other, "meta", "k"), undefined, `what "…${suffix}" has at first`);
        await put(other, "meta", "k", suffix);
      }
      for (const suffix of ["a", "A", "/a", "%2Fa", " a", "é"]) {
        same(await get(await openOther(suffix), "meta", "k"), suffix, `what "…${suffix}" has`);
      }
    },
  ],
  [
    "takes copies when it is given a value, and hands out copies",
    async ({ open }) => {
      const connection = await open();
      const value = { list: [1] };
      await connection.transaction("write", ["meta"], async (tx) => {
        await tx.put("meta", "k", value);
        value.list.push(2);
      });
      value.list.push(3);
      ((await get(connection, "meta", "k")) as typeof value).list.push(4);
      same(await get(connection, "meta", "k"), { list: [1] }, "the value");
    },
  ],
  [
    "says undefined for what is not there, and deletes it without complaint",
    async ({ open }) => {
      const connection = await open();
      same(await get(connection, "documents", "k"), undefined, "a missing value");
      await connection.transaction("write", ["documents"], (tx) => tx.delete("documents", "k"));
      await put(connection, "documents", "k", 1);
      await connection.transaction("write", ["documents"], (tx) => tx.delete("documents", "k"));
      same(await get(connection, "documents", "k"), undefined, "a deleted value");
    },
  ],
  [
    "clears one store, and no other",
    async ({ open }) => {
      const connection = await open();
      await put(connection, "meta", "k", 1);
      await put(connection, "documents", "k", 1);
      await connection.transaction("write", ["documents"], (tx) => tx.clear("documents"));
      same(await all(connection, "documents"), [], "the cleared store");
      same(await get(connection, "meta", "k"), 1, "another store");
    },
  ],
  [
    "numbers what is added, and returns it in that order: all, after a key, and so many",
    async ({ open }) => {
      const connection = await open();
      const keys: number[] = [];
      for (let index = 0; index < MANY; index++) keys.push(await add(connection, "rows", index));
      same(keys, ascending(keys), "the keys");
      const entries = keys.map((key, index) => [key, index] as [StorageKey, number]);
      same(await all(connection, "rows"), entries, "all");
      same(await all(connection, "rows", keys[9]), entries.slice(10), "after the tenth");
      same(await all(connection, "rows", keys[3], 5), entries.slice(4, 9), "five after the fourth");
      same(await all(connection, "rows", undefined, 3), entries.slice(0, 3), "the first three");
      same(await all(connection, "rows", keys[MANY - 1]), [], "after the last");
    },
  ],
  [
    "never gives a number twice: not after a deletion, a clearing, or for another page",
    async ({ open }) => {
      const connection = await open();
      const keys = [await add(connection, "outbox", 1), await add(connection, "outbox", 2)];
      await connection.transaction("write", ["outbox"], (tx) => tx.delete("outbox", keys[1]!));
      keys.push(await add(connection, "outbox", 3));
      await connection.transaction("write", ["outbox"], (tx) => tx.clear("outbox"));
      keys.push(await add(connection, "outbox", 4));
      await connection.transaction("write", ["outbox"], (tx) => tx.clear("outbox"));
      connection.close();
      keys.push(await add(await open(), "outbox", 5));
      same(keys, ascending(keys), "the keys");
      same(new Set(keys).size, keys.length, "different keys");
    },
  ],
  [
    "keeps a numbered value's place when it is put again",
    async ({ open }) => {
      const connection = await open();
      const keys = [await add(connection, "outbox", "a"), await add(connection, "outbox", "b")];
      await put(connection, "outbox", keys[0]!, "A");
      const next = await add(connection, "outbox", "c");
      const expected = [
        [keys[0], "A"],
        [keys[1], "b"],
        [next, "c"],
      ];
      same(await all(connection, "outbox"), expected, "the outbox");
    },
  ],
  [
    "pages through everything once, in the order of the ids",
    async ({ open }) => {
      const connection = await open();
      const ids = Array.from({ length: MANY }, (_, index) => `id ${index} ä`);
      await connection.transaction("write", ["documents"], async (tx) => {
        for (const id of ids) await tx.put("documents", id, id);
      });
      const seen: StorageKey[] = [];
      for (let page = 0; page < MANY; page++) {
        const next = await all(connection, "documents", seen.at(-1), 7);
        seen.push(...next.map(([key]) => key));
      }
      same(seen, [...ids].sort(), "the ids");
    },
  ],
  [
    "takes a value of a megabyte, and a thousand values at once",
    async ({ open }) => {
      const connection = await open();
      const text = "x".repeat(2 ** 20);
      await put(connection, "documents", "big", text);
      await connection.transaction("durable", ["outbox"], (tx) =>
        Promise.all(Array.from({ length: 1_000 }, (_, index) => tx.add("outbox", index))),
      );
      const other = await open();
      same((await get(other, "documents", "big")) === text, true, "whether the megabyte is there");
      const values = (await all(other, "outbox")).map(([, value]) => value);
      same(
        values,
        Array.from({ length: 1_000 }, (_, index) => index),
        "the values",
      );
    },
  ],
];

function ascending(keys: readonly number[]): number[] {
  return [...keys].sort((a, b) => a - b);
}
