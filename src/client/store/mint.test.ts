import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { readFieldUpdate } from "../../shared/guard.js";
import { MAX_UPDATE_WRITES } from "../../shared/limits.js";
import { MARKER, type Operations } from "../../shared/operations.js";
import { loadPart } from "../../shared/plain-part.js";
import { toArrayBuffer } from "../../shared/values.js";
import { emptyBase, type BaseDocument } from "./base.js";
import { followInsert, mint, mintAnew, withBytes, type NumberedRecord } from "./mint.js";
import { bytesOf, inserting, renderBytes, setting, stored, tree } from "../setup.test.js";

const created = bytesOf(inserting({ title: "t" }));
const live = (generation: number): BaseDocument => ({
  generation,
  live: true,
  updates: [created],
  clientId: null,
});
const ended = (generation: number): BaseDocument => ({ ...emptyBase(), generation });
const insert = (seq: number, generation = 1) =>
  stored(seq, "insert", generation, inserting({ title: "mine" }));
const retitle = (seq: number, title: string, generation = 1) =>
  stored(seq, "update", generation, setting({ title }));
const remove = (seq: number, generation = 1) => stored(seq, "remove", generation);

const CLIENT = 42;

function sent(records: NumberedRecord[], base: BaseDocument | undefined) {
  const minted = mint(records, base, CLIENT, tree);
  if (minted.kind !== "send") throw new Error(`Nothing is sent: ${minted.kind}`);
  const { change, group, fresh } = minted;
  const updates = change.parts.map(({ update }) => update);
  return { ...change, fresh, updates, seqs: group.map(({ seq }) => seq) };
}

describe("a group of changes", () => {
  it("becomes one update with the latest operation of every path, on top of the base", () => {
    const done = stored(2, "update", 1, setting({ done: true }));
    const change = sent([retitle(1, "first"), done, retitle(3, "last")], live(1));
    expect(change).toMatchObject({ document: "a", generation: 1, op: "update", fresh: true });
    expect(change.seqs).toEqual([1, 2, 3]);
    expect(change.updates).toHaveLength(1);
    expect(renderBytes(created, ...change.updates)).toEqual({ title: "last", done: true });
  });

  it("that begins with an insert stands on its own", () => {
    const change = sent([insert(1), retitle(2, "edited")], undefined);
    expect(change).toMatchObject({ op: "insert", generation: 1, seqs: [1, 2] });
    expect(renderBytes(...change.updates)).toEqual({ title: "edited" });
    expect(renderBytes(...sent([insert(1)], live(1)).updates)).toEqual({ title: "mine" });
  });

  it("waits for the bytes that are on their way, also when it is older and was heard of later", () => {
    const bytes = bytesOf(setting({ title: "newer" }), [created]);
    const later = stored(2, "update", 1, setting({ title: "newer" }), { group: 2, update: bytes });
    const change = sent([retitle(1, "older"), later], live(1));
    expect(change).toMatchObject({ seqs: [2], fresh: false, updates: [toArrayBuffer(bytes)] });
  });

  it("ends with a removal, which needs no bytes", () => {
    const change = sent([retitle(1, "x"), remove(2), insert(3, 2)], live(1));
    expect(change).toMatchObject({ op: "remove", generation: 1, parts: [], seqs: [1, 2] });
  });

  it("ends before an insert and before a change that is to be judged alone", () => {
    expect(sent([retitle(1, "x"), insert(2, 2)], live(1)).seqs).toEqual([1]);
    const alone = stored(2, "update", 1, setting({ title: "y" }), { alone: true });
    expect(sent([retitle(1, "x"), alone], live(1)).seqs).toEqual([1]);
    expect(sent([alone, retitle(3, "z")], live(1)).seqs).toEqual([2]);
  });

  it("writes no more paths at once than the server takes, unless one change does", () => {
    const votes = (seq: number, count: number) =>
      stored(seq, "update", 1, setting(keys(seq, count)));
    const keys = (seq: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`votes/${seq}-${n}`, 1]));
    const third = Math.floor(MAX_UPDATE_WRITES / 3);
    const some = [1, 2, 3, 4].map((seq) => votes(seq, third));
    expect(sent(some, live(1)).seqs).toEqual([1, 2]);
    expect(sent([votes(1, MAX_UPDATE_WRITES + 1), votes(2, 1)], live(1)).seqs).toEqual([1]);
  });

  it("leaves it to the server to remove what goes with a field, where the update has no room", () => {
    const below = Array.from({ length: MAX_UPDATE_WRITES }, (_, n) => [`details/${n}`, n] as const);
    const details: Operations = new Map([["details", MARKER], ...below]);
    const base = { ...live(1), updates: [created, bytesOf(details, [created])] };
    const removal: Operations = new Map([...details.keys()].map((path) => [path, undefined]));
    for (const operations of [removal, setting({ details: undefined })]) {
      const { updates } = sent([stored(1, "update", 1, operations)], base);
      expect(readFieldUpdate(new Uint8Array(updates[0]!)).writes).toHaveLength(MAX_UPDATE_WRITES);
      const row = renderBytes(...base.updates, new Uint8Array(updates[0]!));
      expect(row).toEqual({ title: "t" });
    }
    const stateVector = Y.encodeStateVector(loadPart([created]));
    const group = [stored(1, "update", 1, removal)];
    const anew = mintAnew(group, base, stateVector, CLIENT, tree)!;
    expect(readFieldUpdate(anew).writes).toHaveLength(MAX_UPDATE_WRITES);
  });

  it("holds only so many changes that it fits one transaction", () => {
    const many = Array.from({ length: 600 }, (_, index) => retitle(index + 1, `${index}`));
    expect(sent(many, live(1)).seqs).toHaveLength(500);
  });

  it("is minted under the client id it is given", () => {
    const [update] = sent([retitle(1, "x")], live(1)).updates;
    expect(update).toEqual(bytesOf(setting({ title: "x" }), [created], CLIENT).buffer);
  });
});

describe("changes that need not be sent", () => {
  it("are an insert and its removal when the server has no such document", () => {
    const group = [insert(1), retitle(2, "x"), remove(3)];
    expect(mint(group, undefined, CLIENT, tree)).toEqual({ kind: "cancelled", group });
    expect(mint(group, ended(3), CLIENT, tree)).toEqual({ kind: "cancelled", group });
    expect(sent(group, live(1))).toMatchObject({ op: "remove" });
  });

  it("are those that say nothing: no removal is made of them", () => {
    const group = [stored(1, "update", 1)];
    expect(mint(group, live(1), CLIENT, tree)).toEqual({ kind: "cancelled", group });
  });

  it("are edits and removals of a generation that is over", () => {
    expect(mint([retitle(1, "x")], ended(1), CLIENT, tree).kind).toBe("dead");
    expect(mint([remove(1)], live(2), CLIENT, tree).kind).toBe("cancelled");
    expect(mint([retitle(1, "x"), remove(2)], ended(1), CLIENT, tree).kind).toBe("cancelled");
    expect(mint([retitle(1, "x")], live(1), CLIENT, tree).kind).toBe("send");
  });
});

describe("changes that are on disk as bytes", () => {
  const bytes = bytesOf(setting({ title: "sent before" }), [created]);
  const group = [
    stored(1, "update", 1, setting({ title: "sent before" }), { group: 1, update: bytes }),
    stored(2, "update", 1, setting({ done: true }), { group: 1 }),
  ];

  it("go out again exactly as they are, without what came later, whatever the base says now", () => {
    for (const base of [live(1), live(2), ended(1), undefined]) {
      const change = sent([...group, retitle(3, "later")], base);
      expect(change).toMatchObject({ op: "update", generation: 1, fresh: false, seqs: [1, 2] });
      expect(change.updates).toEqual([bytes.buffer]);
    }
  });

  it("stay a removal", () => {
    const removal = stored(1, "remove", 1, undefined, { group: 1 });
    expect(sent([removal, insert(2, 2)], live(1))).toMatchObject({ op: "remove", seqs: [1] });
  });
});

describe("an insert", () => {
  it.each<[string, BaseDocument | undefined, number, number]>([
    ["the document is another's, who began it first", live(1), 4, 1],
    ["the document is in a later one, and may have been here before", live(4), 1, 1],
    ["nothing is known of the document", undefined, 1, 1],
    ["the generations before its own were never sent", undefined, 4, 1],
    ["the generations before its own were never sent, and others ended", ended(1), 4, 2],
    ["its own has ended meanwhile", ended(4), 1, 5],
    ["its own is the next", ended(4), 5, 5],
  ])("names no generation that is over or to come when %s (S4)", (_name, base, made, named) => {
    const change = sent([insert(3, made), retitle(4, "x", made), insert(5, 9)], base);
    expect(change).toMatchObject({ op: "insert", generation: named, seqs: [3, 4] });
    if (!base?.live) return;
    const removal = sent([insert(3, made), remove(4, made)], base);
    expect(removal).toMatchObject({ op: "remove", generation: named });
  });

  it("names the same generation when it is sent again, whatever has happened since", () => {
    const records = withBytes([insert(1)], bytesOf(inserting({ title: "t" })), 5);
    for (const base of [live(5), ended(5), ended(7)]) {
      expect(sent(records, base)).toMatchObject({ op: "insert", generation: 5 });
    }
  });
});

describe("an edit that another tab stored for an insert", () => {
  it("goes into the generation that is there when its own never began", () => {
    const records = [retitle(7, "late", 2)];
    expect(followInsert(records, live(1)).map(({ seq }) => seq)).toEqual([7]);
    expect(sent(records, live(1))).toMatchObject({ op: "update", generation: 1 });
    expect(followInsert([retitle(7, "x", 2)], ended(1))).toEqual([]); // it starts no generation
  });

  it("follows it into the later generation that it was put into", () => {
    const records = [retitle(7, "late", 1), remove(8, 1)];
    expect(followInsert(records, { ...live(3), insertedAs: 1 })).toHaveLength(2);
    expect(sent(records, live(3))).toMatchObject({ op: "remove", generation: 3 });
    expect(followInsert([retitle(7, "x", 2)], { ...live(3), insertedAs: 1 })).toEqual([]);
  });

  it.each<[string, NumberedRecord[], BaseDocument | undefined]>([
    ["it is an insert itself", [insert(1, 5)], live(4)],
    ["it may have been sent", [stored(1, "update", 1, undefined, { group: 1 })], live(4)],
    ["the document is gone", [retitle(1, "x")], ended(4)],
  ])("stays where it is when %s", (_name, records, base) => {
    const before = structuredClone(records);
    expect(followInsert(records, base && { ...base, insertedAs: 1 })).toEqual([]);
    expect(records).toEqual(before);
  });
});

describe("changes of two generations", () => {
  it("are not judged by the older one: an edit of the new generation is sent", () => {
    const records = [retitle(1, "of the old generation"), retitle(2, "of the new generation", 2)];
    expect(mint(records, live(2), CLIENT, tree)).toEqual({ kind: "dead", group: [records[0]] });
  });

  it("are not sent in the name of the older one: a removal of the new generation is one", () => {
    const records = [insert(1), remove(2, 2)]; // someone else's insert came first, then ours was seen
    expect(sent(records, live(2)).seqs).toEqual([1]);
    expect(sent(records.slice(1), live(2))).toMatchObject({ op: "remove", generation: 2 });
  });
});
