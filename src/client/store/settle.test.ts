import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { loadPart, readFlat } from "../../shared/plain-part.js";
import { toArrayBuffer } from "../../shared/values.js";
import type { Result } from "../../shared/wire.js";
import { emptyBase, type BaseDocument } from "./base.js";
import { mint, withBytes, type NumberedRecord } from "./mint.js";
import { isAnswerOf, REMOVED, settleGroup } from "./settle.js";
import { bytesOf, inserting, renderBytes, setting, stored, tree } from "../setup.test.js";

const created = bytesOf(inserting({ title: "t" }));
const live: BaseDocument = { generation: 1, live: true, updates: [created], clientId: null };
const insert = (seq: number) => stored(seq, "insert", 1, inserting({ title: "mine" }));
const retitle = (seq: number, title = "x") => stored(seq, "update", 1, setting({ title }));
const remove = (seq: number) => stored(seq, "remove", 1);

/** What an answer to the first group of `records` does, group by seq. */
function settle(records: NumberedRecord[], base: BaseDocument, result: Result) {
  const minted = mint(records, base, 42, tree);
  if (minted.kind !== "send") throw new Error("nothing to send");
  const settled = settleGroup(base, { all: records, ...minted, result }, tree, 43);
  return { ...settled, done: settled.done.map(({ seq }) => seq) };
}

const accepted = (generation = 1): Result => ({ status: "accepted", generation, ts: 1n as never });
const removed: Result = { status: "removed", generation: 1 };
const refused = (code = "REFUSED"): Result => ({ status: "rejected", code, message: "No." });

describe("accepted", () => {
  it("moves the bytes into the base and ends the records", () => {
    const settled = settle([retitle(1), retitle(2, "last")], live, accepted());
    expect(settled).toMatchObject({ done: [1, 2], changed: [], clientId: "keep" });
    expect(settled.advanced!.row).toEqual({ title: "last" });
    expect(renderBytes(...settled.advanced!.base.updates)).toEqual({ title: "last" });
  });

  it("says nothing new after the echo", () => {
    const records = [retitle(1)];
    const { base } = settle(records, live, accepted()).advanced!;
    const minted = mint(records, live, 42, tree);
    if (minted.kind !== "send") throw new Error("nothing to send");
    const again = settleGroup(
      base,
      { all: records, group: records, change: minted.change, result: accepted() },
      tree,
      43,
    );
    expect(again).toMatchObject({ advanced: null, done: records });
  });

  it("ends the generation after a removal", () => {
    const { advanced } = settle([remove(1)], live, accepted());
    expect(advanced).toMatchObject({ base: { generation: 1, live: false }, row: null });
  });

  it("takes later edits along when the server put an insert into a later generation", () => {
    const later = { ...retitle(3), record: { ...retitle(3).record, alone: true } };
    const unrelated = stored(4, "insert", 7, inserting({ title: "other" }));
    const settled = settle([insert(1), retitle(2), later, unrelated], emptyBase(), accepted(5));
    expect(settled.done).toEqual([1, 2]);
    expect(settled.advanced!.base).toMatchObject({ generation: 5, live: true });
    expect(settled.changed.map(({ seq, record }) => [seq, record.generation])).toEqual([[3, 5]]);
  });
});

describe("removed", () => {
  it("refuses edits visibly, and ends the generation", () => {
    const settled = settle([retitle(1), retitle(2)], live, removed);
    expect(settled.advanced).toMatchObject({ base: { live: false }, row: null });
    expect(settled.done).toEqual([]);
    expect(settled.changed.map(({ record }) => record.rejected)).toEqual([REMOVED, REMOVED]);
  });

  it.each([
    ["a removal, which is what it wanted", [remove(1)], live],
    ["an insert, which had been accepted before", [insert(1)], emptyBase()],
  ])("is the end of %s", (_name, records, base) => {
    expect(settle(records, base, removed)).toMatchObject({ done: [1], changed: [] });
  });
});

describe("rejected", () => {
  it("splits a group, so that each change is judged alone", () => {
    const { changed, done, advanced } = settle([retitle(1), retitle(2)], live, refused());
    expect([done, advanced]).toEqual([[], null]);
    expect(changed.map(({ record }) => record)).toMatchObject([
      { alone: true, group: null, update: null, rejected: null },
      { alone: true, group: null, update: null, rejected: null },
    ]);
  });

  it("marks a single change, and nothing else of the document", () => {
    const alone = { ...retitle(1), record: { ...retitle(1).record, alone: true } };
    const { changed } = settle([alone, retitle(2)], live, refused("NO_TITLE"));
    expect(changed.map(({ seq }) => seq)).toEqual([1]);
    expect(changed[0]!.record.rejected).toEqual({ code: "NO_TITLE", message: "No." });
  });

  it("takes the edits of a refused insert along, and no other generation's", () => {
    const alone = { ...insert(1), record: { ...insert(1).record, alone: true } };
    const records = [alone, retitle(2), stored(3, "insert", 2)];
    const { changed } = settle(records, emptyBase(), refused());
    expect(changed.map(({ seq, record }) => [seq, record.rejected?.code])).toEqual([
      [1, "REFUSED"],
      [2, "REFUSED"],
    ]);
  });

  it("mints anew what lacked something on the server, still together", () => {
    const { changed } = settle([retitle(1), retitle(2)], live, refused("MISSING_DEPENDENCIES"));
    expect(changed.map(({ record }) => record)).toMatchObject([
      { alone: false, group: null, update: null, rejected: null },
      { alone: false, group: null, update: null, rejected: null },
    ]);
  });
});

describe("an id that is someone else's", () => {
  it("costs no record: the same ones go out again under another", () => {
    const alone = { ...retitle(3), record: { ...retitle(3).record, alone: true } };
    const together = settle([retitle(1), retitle(2)], live, refused("CLIENT_ID_TAKEN"));
    expect(together).toMatchObject({ done: [], advanced: null, clientId: "taken" });
    expect(together.changed.map(({ record }) => record)).toMatchObject([
      { alone: false, group: null, update: null, rejected: null },
      { alone: false, group: null, update: null, rejected: null },
    ]);
    const { changed } = settle([alone], live, refused("CLIENT_ID_TAKEN"));
    expect(changed).toMatchObject([{ record: { alone: true, group: null, rejected: null } }]);
  });
});

describe("a server that has less than it had", () => {
  /** What the server still has, and what came after its backup. */
  const backup = loadPart([created]);
  const stateVector = toArrayBuffer(Y.encodeStateVector(backup));
  const later = bytesOf(setting({ title: "by another", number: 1 }), [created], 55);
  const own = bytesOf(setting({ done: true }), [created, later], 42);
  const base: BaseDocument = { ...live, updates: [created, later, own] };
  const answer: Result = {
    status: "rejected",
    code: "MISSING_DEPENDENCIES",
    message: "",
    stateVector,
  };

  it("gets what it lost with the change, in bytes that build on nothing", () => {
    const { changed, clientId } = settle([retitle(1), retitle(2, "new")], base, answer);
    expect(clientId).toBe("fresh");
    expect(changed.map(({ record }) => record.group)).toEqual([1, 1]);
    const [{ record }] = changed as [NumberedRecord];
    expect(renderBytes(created, record.update!)).toMatchObject({ done: true, number: 1 });
    expect([...Y.parseUpdateMeta(record.update!).to.keys()]).toEqual([43]);
    expect(changed[1]!.record.update).toBeNull();
  });

  it("gets no more than that", () => {
    const everything = toArrayBuffer(Y.encodeStateVector(loadPart(base.updates)));
    const { changed } = settle([retitle(1)], base, { ...answer, stateVector: everything });
    expect([...readFlat(loadPart([changed[0]!.record.update!]))]).toEqual([["title", "x"]]);
  });
});

it("an answer to bytes that others have replaced says nothing", () => {
  const minted = mint([retitle(1)], live, 42, tree);
  if (minted.kind !== "send") throw new Error("nothing to send");
  const sent = (update: Uint8Array | null) => withBytes([retitle(1)], update);
  const accepts = (group: NumberedRecord[]) => isAnswerOf(group, minted.change, accepted());
  expect(accepts(sent(new Uint8Array(minted.change.parts[0]!.update)))).toBe(true);
  expect(accepts(sent(bytesOf(setting({ title: "x" }), [created], 43)))).toBe(false);
  expect(accepts(sent(null))).toBe(false);
  expect(accepts([retitle(1)])).toBe(true); // given up, and not yet replaced
});

it.each([removed, refused(), refused("MISSING_DEPENDENCIES")])(
  "after $status the document's next update uses another client id",
  (result) => {
    expect(settle([retitle(1)], live, result).clientId).toBe("fresh");
  },
);
