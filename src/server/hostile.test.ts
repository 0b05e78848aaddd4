import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { Change } from "../shared/wire.js";
import { MAX_LIFETIME_KEYS, MAX_UPDATE_WRITES } from "../shared/limits.js";
import { loadPart, presentPaths } from "../shared/plain-part.js";
import {
  accepted,
  changeOf,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  removed,
  sharedTask,
  storedRow,
  streamAll,
  type App,
} from "./setup.test.js";

/** An update that no honest client makes. */
function forged(writes: Record<string, unknown>, clientId = 66): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  Y.transact(doc, () => {
    for (const [path, value] of Object.entries(writes)) doc.getMap("fields").set(path, value);
  });
  return Y.encodeStateAsUpdate(doc);
}

const row = { "": {}, title: "t" };

/** A path so long that it is read by another decoder. */
const LONG = `votes/${"k".repeat(40)}`;

async function expectRefused(update: Uint8Array, code: string) {
  const { app } = await sharedTask([7, 8], { title: "t" });
  const changes = [changeOf("update", "a", update), changeOf("insert", "b", update)];
  for (const change of changes) expect(await push(app, change)).toEqual([rejected(code)]);
  await expectEverywhere(app, "a", { title: "t" });
  await expectEverywhere(app, "b", null);
  expect(await streamAll(app)).toHaveLength(1);
}

describe("a forged update is refused, and leaves no trace:", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["a field that is not declared", { ...row, other: 1 }, "INVALID_UPDATE"],
    ["a key that is not declared", { ...row, details: {}, "details/x": 1 }, "INVALID_UPDATE"],
    ["a path below a value", { ...row, "title/x": 1 }, "INVALID_UPDATE"],
    ["a record key that Convex refuses", { ...row, votes: {}, "votes/_x": 1 }, "INVALID_UPDATE"],
    ["a key in another spelling", { ...row, votes: {}, "votes/a~b": 1 }, "INVALID_UPDATE"],
    ["a key that ends in an escape", { ...row, votes: {}, "votes/a~": 1 }, "INVALID_UPDATE"],
    ["a prototype as a record key", { ...row, "votes/__proto__": 1 }, "INVALID_UPDATE"],
    ["data in the place of a marker", { ...row, details: "hidden" }, "INVALID_UPDATE"],
    ["data in an object's marker", { ...row, details: { hidden: 1 } }, "INVALID_UPDATE"],
    ["data in the document's own marker", { "": { hidden: 1 }, title: "t" }, "INVALID_UPDATE"],
    ["the end of the document's marker", { "": undefined, title: "t" }, "INVALID_UPDATE"],
    ["a value of the wrong type", { ...row, title: 1 }, "INVALID_ROW"],
    ["the removal of a required field", { "": {}, title: undefined }, "INVALID_ROW"],
    ["undefined in an array", { ...row, data: [undefined] }, "INVALID_UPDATE"],
    ["a key of undefined", { ...row, data: { admin: undefined } }, "INVALID_UPDATE"],
    ["one in a value", { ...row, data: [{ list: { x: undefined } }] }, "INVALID_UPDATE"],
    // Yjs keeps the byte order mark, so this is another path than the honest one.
    ["a path behind a byte order mark", { ...row, [`\uFEFF${LONG}`]: 1 }, "INVALID_UPDATE"],
    ["a long path that is not ASCII", { ...row, [`${LONG}\ud800`]: 1 }, "INVALID_UPDATE"],
    ["a key that Convex refuses, in a value", { ...row, data: [{ $x: 1 }] }, "INVALID_VALUE"],
    ["a value that is too deep", { ...row, data: deep(17) }, "INVALID_VALUE"],
    ["a row that is too large", { ...row, data: "x".repeat(1_100_000) }, "ROW_TOO_LARGE"],
    ["an array that is too long", { ...row, data: new Array(9_000).fill(0) }, "ROW_TOO_LARGE"],
  ])("%s", (_what, writes, code) => expectRefused(forged(writes), code));

  it("a value of thousands of levels, at every depth", async () => {
    for (const levels of [100, 1_000, 3_000, 6_000]) {
      const { app } = await sharedTask([7, 8], { title: "t" });
      const nested = nestedUpdate(levels);
      const [result] = await push(app, changeOf("insert", "b", nested));
      expect(result).toEqual(rejected("INVALID_UPDATE"));
      expect(await streamAll(app)).toHaveLength(1);
    }
  });

  it("one in the server's name", () => expectRefused(forged(row, 1), "INVALID_UPDATE"));

  it("one under a client id that is no number", async () => {
    // Multiplied long enough, a digit's weight is Infinity, and Infinity times nothing is NaN: a client
    // id that equals none, and that Yjs writes as 0.
    const nan = [...new Array<number>(147).fill(0x80), 0];
    const { app } = await sharedTask([7, 8], { title: "t" });
    expect(await push(app, changeOf("insert", "b", forged(row, 0)))).toEqual([accepted]);
    const plain = forged({ title: "T" }, 0);
    expect([...plain.slice(0, 4)]).toEqual([1, 1, 0, 0]); // one client, one write, its id, its clock
    const update = Uint8Array.from([...plain.slice(0, 2), ...nan, ...plain.slice(3)]);
    expect(await push(app, changeOf("update", "b", update))).toEqual([rejected("INVALID_UPDATE")]);
    await expectEverywhere(app, "b", { title: "t" });
  });

  it("one that builds on what nobody has", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    devices[0].update("a", { title: "never sent" });
    const dependent = devices[0].update("a", { title: "sent" });
    expect(await push(app, dependent)).toEqual([rejected("MISSING_DEPENDENCIES")]);
    await expectEverywhere(app, "a", { title: "t" });
  });

  it("one that is cut anywhere", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const whole = devices[0].update("a", { title: "T" });
    const bytes = whole.parts[0]!.update;
    for (let end = 0; end < bytes.byteLength; end++) {
      const parts = [{ part: "fields", update: bytes.slice(0, end) }];
      expect(await push(app, { ...whole, parts })).toEqual([rejected("INVALID_UPDATE")]);
    }
    await expectEverywhere(app, "a", { title: "t" });
  });
});

function deep(levels: number): unknown {
  return levels === 0 ? 1 : [deep(levels - 1)];
}

/** `data` nested so deep that no encoder makes it. */
function nestedUpdate(levels: number): Uint8Array {
  const marker = 0x7b; // a float64 that occurs once
  const update = forged({ ...row, data: Math.PI });
  const at = update.lastIndexOf(marker);
  const open = Array.from({ length: levels }, () => [117, 1]).flat();
  return Uint8Array.from([...update.slice(0, at), ...open, ...update.slice(at)]);
}

it("bytes that are flipped anywhere never break the push, nor table and log apart", async () => {
  const { app, devices } = await sharedTask([7, 8], { title: "t" });
  const honest = devices[0].update("a", { title: "T", details: { due: "d" }, votes: { ann: 1 } });
  const bytes = new Uint8Array(honest.parts[0]!.update);
  const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const flipped = bytes.slice();
      for (const [at, byte] of changes) flipped[at] = byte;
      await push(app, { ...honest, parts: [{ part: "fields", update: flipped.buffer }] });
    }),
    { numRuns: 300 },
  );
  await expectEverywhere(app, "a", await storedRow(app, "a"));
});

describe("a change of the wrong shape is refused:", () => {
  const update = forged(row).slice().buffer;
  it.each<[string, Partial<Change>, string]>([
    ["no part", { parts: [] }, "INVALID_UPDATE"],
    ["two parts", { parts: [1, 2].map(() => ({ part: "fields", update })) }, "INVALID_UPDATE"],
    ["another part", { parts: [{ part: "other", update }] }, "INVALID_UPDATE"],
    ["an empty id", { document: "" }, "INVALID_ID"],
    ["a long id", { document: "x".repeat(129) }, "INVALID_ID"],
  ])("%s", async (_what, change, code) => {
    const app = newApp();
    const whole = { ...changeOf("insert", "b", forged(row)), ...change };
    expect(await push(app, whole)).toEqual([rejected(code)]);
    expect(await streamAll(app)).toEqual([]);
  });

  it.each([NaN, -1, 0.5, Infinity])(
    "an update of generation %d changes nothing wrongly",
    async (generation) => {
      const { app, devices } = await sharedTask([7, 8], { title: "t" });
      const [result] = await push(app, { ...devices[0].update("a", { title: "T" }), generation });
      await expectEverywhere(app, "a", { title: result!.status === "accepted" ? "T" : "t" });
    },
  );
});

it("deletions hidden in an honest update delete nothing", async () => {
  const { app } = await sharedTask([7, 8], { title: "t", done: true });
  const [entry] = await streamAll(app);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(entry!.bytes));
  doc.clientID = 66;
  const before = Y.encodeStateVector(doc);
  Y.transact(doc, () => {
    doc.getMap("fields").set("done", false);
    for (const path of ["", "title"]) doc.getMap("fields").delete(path);
  });
  const hidden = Y.encodeStateAsUpdate(doc, before);
  expect(await push(app, changeOf("update", "a", hidden))).toEqual([accepted]);
  await expectEverywhere(app, "a", { title: "t", done: false });
});

/** The paths that have a value in the log of the app's only document, whether a row shows them or not. */
async function pathsIn(app: App): Promise<string[]> {
  const log = (await streamAll(app)).map(({ bytes }) => new Uint8Array(bytes));
  return [...presentPaths(loadPart(log))].sort();
}

describe("what is written below something that the same update removes", () => {
  const hidden = {
    ...{ details: undefined, "details/due": ["any", { type: 1 }] },
    ...{ votes: undefined, "votes/x": "no number" },
  };

  it("is kept by nobody", async () => {
    const { app } = await sharedTask([7, 8], { title: "t", votes: { ann: 1 } });
    expect(await push(app, changeOf("update", "a", forged(hidden)))).toEqual([accepted]);
    await expectEverywhere(app, "a", { title: "t" });
    expect(await pathsIn(app)).toEqual(["", "title"]);
  });

  it("goes with it also where the update does not say so (D1)", async () => {
    const { app } = await sharedTask([7, 8], { title: "t", votes: { ann: 1, ben: 2 } });
    const update = forged({ votes: undefined });
    expect(await push(app, changeOf("update", "a", update))).toEqual([accepted]);
    expect(await pathsIn(app)).toEqual(["", "title"]);
  });

  it("keeps nobody from writing the field again", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const writes: Record<string, unknown> = { votes: undefined };
    for (let n = 1; n < MAX_UPDATE_WRITES; n++) writes[`votes/k${n}`] = true;
    expect(await push(app, changeOf("update", "a", forged(writes)))).toEqual([accepted]);
    await devices[0].pull(app);
    const edit = devices[0].update("a", { votes: { ann: 1 } });
    expect(await push(app, edit)).toEqual([accepted]);
    await expectEverywhere(app, "a", { title: "t", votes: { ann: 1 } });
  });
});

it("a document has so many keys in its life, and no more", async () => {
  const { app, devices } = await sharedTask([7, 8], { title: "t" });
  const [ann, ben] = devices;
  const votes = (from: number, count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`votes/${from + n}`, value]));
  const most = MAX_LIFETIME_KEYS - 3; // the document, its title, and the votes
  const step = MAX_UPDATE_WRITES - 2;
  for (let from = 0; from < most; from += step) {
    const some = { "": {}, votes: {}, ...votes(from, Math.min(step, most - from), undefined) };
    expect(await push(app, changeOf("update", "a", forged(some, 66 + from)))).toEqual([accepted]);
  }
  const one = forged({ "": {}, ...votes(most, 1, 1) }, 65);
  expect(await push(app, changeOf("update", "a", one))).toEqual([rejected("TOO_MANY_KEYS")]);
  await expectEverywhere(app, "a", { title: "t", votes: {} });

  // Why the cap begins no new generation by itself: it would cost others the edits that they hold.
  expect(await push(app, ann.update("a", { title: "meanwhile" }))).toEqual([accepted]);
  await expectEverywhere(app, "a", { title: "meanwhile", votes: {} });
  const held = ben.update("a", { done: true });
  const newcomer = new Device(9);
  await newcomer.pull(app);
  await push(app, newcomer.remove("a"));
  await push(app, newcomer.insert("a", { title: "meanwhile", votes: {} }));
  expect(await push(app, held)).toEqual([removed]);
});
