import { getConvexSize } from "convex/values";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  MAX_ARRAY_ELEMENTS,
  MAX_ID_LENGTH,
  MAX_NESTING,
  MAX_OBJECT_KEYS,
  MAX_PUSH_BYTES,
  MAX_PUSH_DOCUMENTS,
  MAX_ROW_BYTES,
  MAX_ROW_WEIGHT,
  MAX_UPDATE_CLIENT_IDS,
  MAX_UPDATE_WEIGHT,
  MAX_UPDATE_WRITES,
} from "../shared/limits.js";
import type { RowFields } from "../shared/operations.js";
import type { Change } from "../shared/wire.js";
import {
  accepted,
  changeOf,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  stored,
  streamAll,
} from "./setup.test.js";

const numbers = (count: number) => new Array<number>(count).fill(1);
const keys = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 1]));

function nested(levels: number): RowFields[string] {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

/** A row of exactly so many bytes. */
function sized(bytes: number): RowFields {
  const empty = getConvexSize({ title: "t", data: "" });
  return { title: "t", data: "x".repeat(bytes - empty) };
}

/** Fields of a row that fits, and of one that is one too much. */
const ROWS: [string, RowFields, RowFields, string][] = [
  ["bytes of a row", sized(MAX_ROW_BYTES), sized(MAX_ROW_BYTES + 1), "ROW_TOO_LARGE"],
  [
    "elements of an array",
    { title: "t", data: numbers(MAX_ARRAY_ELEMENTS) },
    { title: "t", data: numbers(MAX_ARRAY_ELEMENTS + 1) },
    "ROW_TOO_LARGE",
  ],
  [
    "keys of a record",
    { title: "t", votes: keys(MAX_OBJECT_KEYS) },
    { title: "t", votes: keys(MAX_OBJECT_KEYS + 1) },
    "ROW_TOO_LARGE",
  ],
  [
    "keys of an object in a value",
    { title: "t", data: [keys(MAX_OBJECT_KEYS)] },
    { title: "t", data: [keys(MAX_OBJECT_KEYS + 1)] },
    "ROW_TOO_LARGE",
  ],
  [
    "weight of an update",
    { title: "t", data: booleans(MAX_UPDATE_WEIGHT - 12) },
    { title: "t", data: booleans(MAX_UPDATE_WEIGHT + 8) },
    "UPDATE_TOO_LARGE",
  ],
];

/** Booleans in arrays of an array that weigh so much: an array 4, a boolean 1. */
function booleans(weight: number): boolean[][] {
  const per = 8_000;
  const whole = Math.floor((weight - 100) / (per + 4));
  const rest = weight - 4 - whole * (per + 4) - 4;
  return [...Array.from({ length: whole }, () => per), rest].map((count) =>
    new Array<boolean>(count).fill(true),
  );
}

describe("exactly as much as there may be is taken, one more is refused, and others are not:", () => {
  it.each(ROWS)("%s", async (_what, fits, tooMuch, code) => {
    const app = newApp();
    const ann = new Device(7);
    expect(await push(app, ann.insert("fits", fits))).toEqual([accepted]);
    const results = await push(app, ann.insert("not", tooMuch), ann.insert("b", { title: "b" }));
    expect(results).toEqual([rejected(code), accepted]);
    await expectEverywhere(app, "fits", fits);
    await expectEverywhere(app, "not", null);
    await expectEverywhere(app, "b", { title: "b" });
  });

  it("weight of a row", async () => {
    const app = newApp();
    const ann = new Device(7);
    await push(app, ann.insert("a", { title: "t" }));
    // An object 4, a key 8 and a text 3, a key 8 and its value; that is more than one update brings.
    const data = booleans(MAX_ROW_WEIGHT - 23 - 9);
    const row = await stored(app, "a");
    await app.run((ctx) => ctx.db.patch("tasks", row!._id, { data }));
    expect(await push(app, ann.update("a", { done: true }))).toEqual([accepted]); // 8 and 1
    const more = ann.update("a", { details: {} });
    expect(await push(app, more)).toEqual([rejected("ROW_TOO_LARGE")]);
    await expectEverywhere(app, "a", { title: "t", done: true, data });
  });

  it("levels of a value", async () => {
    const app = newApp();
    const insert = (id: string, levels: number) => {
      const doc = new Y.Doc();
      doc.clientID = 7;
      Y.transact(doc, () => {
        const fields = doc.getMap("fields");
        fields.set("", {});
        fields.set("title", "t");
        fields.set("data", nested(levels));
      });
      return changeOf("insert", id, Y.encodeStateAsUpdate(doc));
    };
    const deepest = MAX_NESTING - 1; // the row is the first level
    expect(await push(app, insert("a", deepest))).toEqual([accepted]);
    expect(await push(app, insert("b", deepest + 1))).toEqual([rejected("INVALID_VALUE")]);
    await expectEverywhere(app, "a", { title: "t", data: nested(deepest) });
  });

  it("characters of an id", async () => {
    const app = newApp();
    const insert = (length: number) => new Device(7).insert("x".repeat(length), { title: "t" });
    expect(await push(app, insert(MAX_ID_LENGTH))).toEqual([accepted]);
    expect(await push(app, insert(MAX_ID_LENGTH + 1))).toEqual([rejected("INVALID_ID")]);
  });

  it("writes of an update", async () => {
    const app = newApp();
    const ann = new Device(7);
    await push(app, ann.insert("a", { title: "t", votes: {} }));
    // The marker of the record is written again with its keys.
    const removals = (count: number, clientId: number) => forged(count, clientId);
    expect(await push(app, removals(MAX_UPDATE_WRITES, 8))).toEqual([accepted]);
    const tooMany = removals(MAX_UPDATE_WRITES + 1, 9);
    expect(await push(app, tooMany)).toEqual([rejected("UPDATE_TOO_LARGE")]);
    await expectEverywhere(app, "a", { title: "t", votes: {} });
  });
});

/** An edit that writes so many paths, all of them as removed. */
function forged(writes: number, clientId: number): Change {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  Y.transact(doc, () => {
    for (let n = 0; n < writes; n++) doc.getMap("fields").set(`votes/${n}`, undefined);
  });
  return changeOf("update", "a", Y.encodeStateAsUpdate(doc));
}

const inserts = (count: number, row: RowFields = { title: "t" }, from = 0): Change[] => {
  const ann = new Device(7);
  return Array.from({ length: count }, (_, n) => ann.insert(`d${from + n}`, row));
};

const refusalOf = (pushed: Promise<unknown>) =>
  pushed.then(
    () => null,
    (error: unknown) => (error as { data?: { code?: string } }).data?.code ?? String(error),
  );

describe("of a push", () => {
  it("documents", async () => {
    const app = newApp();
    const most = await push(app, ...inserts(MAX_PUSH_DOCUMENTS));
    expect(most).toEqual(new Array(MAX_PUSH_DOCUMENTS).fill(accepted));
    const more = inserts(MAX_PUSH_DOCUMENTS + 1, { title: "t" }, 1_000);
    expect(await refusalOf(push(app, ...more))).toBe("INVALID_PUSH");
    expect(await streamAll(app)).toHaveLength(MAX_PUSH_DOCUMENTS);
  });

  it("bytes, unless it is of one document", async () => {
    const app = newApp();
    const size = 180 * 1024;
    // Convex itself refuses more than 16 MiB, before anything of ours runs; the client never sends that.
    const many = inserts(80, { title: "t", data: "x".repeat(size) });
    expect(await refusalOf(push(app, ...many))).toBe("INVALID_PUSH");
    expect(await streamAll(app)).toEqual([]);
    const [first, second] = inserts(2, { title: "t", data: "x".repeat(MAX_PUSH_BYTES / 2 - 100) });
    const [one, two] = [first!, second!].map(({ parts }) => parts[0]!.update.byteLength);
    expect(one! + two!).toBeLessThanOrEqual(MAX_PUSH_BYTES);
    expect(await push(app, first!, second!)).toEqual([
      rejected("ROW_TOO_LARGE"),
      rejected("ROW_TOO_LARGE"),
    ]);
    const eleven = inserts(11, { title: "t", data: "x".repeat(size) });
    expect(await push(app, ...eleven)).toEqual(new Array(11).fill(accepted));
    const twelve = inserts(12, { title: "t", data: "x".repeat(size) }, 100);
    expect(await refusalOf(push(app, ...twelve))).toBe("INVALID_PUSH");
    expect(await streamAll(app)).toHaveLength(11);
  });
});

/** An insert whose update speaks under some client ids, of which the first makes the document. */
function insertUnder(id: string, clientIds: number[]): Change {
  const docs = clientIds.map((clientId, n) => {
    const doc = new Y.Doc();
    doc.clientID = clientId;
    Y.transact(doc, () => {
      const fields = doc.getMap("fields");
      if (n === 0)
        for (const [path, value] of [
          ["", {}],
          ["title", "t"],
        ] as const)
          fields.set(path, value);
      else fields.set(`votes/${n}`, undefined);
    });
    return Y.encodeStateAsUpdate(doc);
  });
  return changeOf("insert", id, Y.mergeUpdates(docs));
}

const ids = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n);

describe("Yjs client ids", () => {
  it("of an update", async () => {
    const app = newApp();
    const most = insertUnder("a", ids(100, MAX_UPDATE_CLIENT_IDS));
    expect(await push(app, most)).toEqual([accepted]);
    const more = insertUnder("b", ids(200, MAX_UPDATE_CLIENT_IDS + 1));
    expect(await push(app, more)).toEqual([rejected("INVALID_UPDATE")]);
  });
});
