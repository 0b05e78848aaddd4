import { describe, expect, it } from "vitest";
import { Replica } from "./replica.js";
import type { OutboxRecord } from "../store/records.js";
import type { Loaded } from "../store/replica-store.js";
import type { Segment } from "../store/rows.js";
import { fields, inserting, local, setting } from "../setup.test.js";

const point = { cursor: null, complete: true, syncedAt: null, round: 0 };
const row = (title: string | null, generation = 1) => ({
  generation,
  row: title ? { title } : null,
});
const segment = (...rows: [document: string, title: string | null][]): Segment =>
  rows.map(([document, title]) => [document, row(title)]);
const loaded = (segments: Loaded["segments"], records: OutboxRecord[] = []): Loaded => ({
  point,
  segments,
  damagedSegments: [],
  records,
  damaged: new Map(),
});
const retitle = (title: string, rest: Partial<OutboxRecord> = {}) =>
  local("update", 1, setting({ title }), rest);

function setUp(...args: Parameters<typeof loaded>) {
  const replica = new Replica(fields);
  const load = (...next: Parameters<typeof loaded>) =>
    replica.refresh(replica.load(loaded(...next)));
  load(...args);
  const titles = () => Object.fromEntries([...replica.shown].map(([id, { title }]) => [id, title]));
  return { replica, load, titles };
}

describe("loading from disk", () => {
  it("folds segments in order, and shows the outbox on top", () => {
    const { titles } = setUp(
      [
        [1, segment(["a", "old"], ["b", "b"], ["gone", "x"])],
        [2, segment(["a", "new"], ["gone", null])],
      ],
      [retitle("mine", { seq: 3, document: "b" })],
    );
    expect(titles()).toEqual({ a: "new", b: "mine" });
  });

  it("says only what changed for the user", () => {
    const { load, replica } = setUp([[1, segment(["a", "a"], ["b", "b"])]]);
    expect(load([[2, segment(["a", "a"], ["b", "new"])]])).toEqual([
      { id: "b", row: { title: "new" } },
    ]);
    expect(load([[3, segment(["b", null])]])).toEqual([{ id: "b", row: null }]);
    expect(replica.lastSegment).toBe(3);
  });

  it("shows a row as it was before again when its changes are gone from disk", () => {
    const { load, titles } = setUp([[1, segment(["a", "base"])]], [retitle("mine", { seq: 1 })]);
    expect(titles()).toEqual({ a: "mine" });
    load([], []);
    expect(titles()).toEqual({ a: "base" });
  });

  it("brings a tab that is behind up to date, also over a compaction", () => {
    const { load, titles, replica } = setUp([[1, segment(["a", "1"], ["b", "1"], ["c", "1"])]]);
    // Meanwhile another tab stored segments 2 to 4 and folded them all into 5.
    load([[5, segment(["a", "4"], ["b", "1"], ["c", null], ["d", "3"])]]);
    expect(titles()).toEqual({ a: "4", b: "1", d: "3" });
    expect(replica.lastSegment).toBe(5);
  });
});

describe("changes that are not on disk yet", () => {
  it("stay on top of what is loaded", () => {
    const { replica, load, titles } = setUp([[1, segment(["a", "base"])]]);
    const record = replica.add(
      {
        document: "a",
        kind: "update",
        operations: setting({ title: "unsaved" }),
      },
      null,
    );
    load([[2, segment(["a", "theirs"])]], [retitle("saved", { seq: 1 })]);
    expect(titles()).toEqual({ a: "unsaved" });
    expect(replica.records().at(-1)).toBe(record);
  });

  it("find out which generation of the document they are for once the disk is read", () => {
    const replica = new Replica(fields);
    const insert = replica.add(
      {
        document: "a",
        kind: "insert",
        operations: inserting({ title: "t" }),
      },
      null,
    );
    const edit = replica.add(
      {
        document: "a",
        kind: "update",
        operations: setting({ title: "mine" }),
      },
      null,
    );
    expect([insert.generation, edit.generation]).toEqual([1, 1]);
    replica.refresh(replica.load(loaded([[1, [["a", row(null, 4)]]]])));
    expect([insert.generation, edit.generation]).toEqual([5, 5]);
    expect(replica.shown.get("a")).toEqual({ title: "mine" });
  });

  it("stay in the generation that they were made in, whatever begins meanwhile (S4)", () => {
    const { replica, load, titles } = setUp([[1, segment(["a", "base"])]]);
    const edit = replica.add(
      {
        document: "a",
        kind: "update",
        operations: setting({ title: "mine" }),
      },
      null,
    );
    load([[2, [["a", row("theirs", 2)]]]]);
    expect(edit.generation).toBe(1);
    expect(titles()).toEqual({ a: "theirs" });
  });

  it("follow the insert that they were made on, wherever the server puts it (S4)", () => {
    const insert = local("insert", 1, inserting({ title: "t" }), { seq: 1 });
    const { replica, load, titles } = setUp([], [insert]);
    const edit = replica.add(
      {
        document: "a",
        kind: "update",
        operations: setting({ title: "mine" }),
      },
      null,
    );
    const joined = { ...row("t", 4), insertedAs: 1 };
    load([[1, [["a", joined]]]]);
    expect(titles()).toEqual({ a: "mine" });
    load([], [{ ...edit, seq: 2 }]); // and once it is stored
    expect(titles()).toEqual({ a: "mine" });
    // Another insert may wait by then: that one is in a later generation, and the edit is not.
    const [removal, again] = [local("remove", 4), local("insert", 5, inserting({ title: "new" }))];
    load(
      [],
      [removal, again, edit].map((one, index) => ({ ...one, seq: 3 + index })),
    );
    expect(titles()).toEqual({ a: "new" });
  });

  it("are counted, but not offered for sending", () => {
    const rejected = { code: "REFUSED", message: "No." };
    const { replica } = setUp(
      [[1, segment(["a", "a"], ["b", "b"])]],
      [
        retitle("1", { seq: 4, document: "b" }),
        retitle("2", { seq: 5 }),
        retitle("3", { seq: 6, document: "b" }),
        retitle("4", { seq: 7, rejected }),
      ],
    );
    replica.add({ document: "a", kind: "update", operations: setting({ title: "5" }) }, null);
    expect(replica.counts()).toEqual({ pending: 4, rejected: 1, unsaved: 1 });
    expect([...replica.pending()]).toEqual([
      ["b", [4, 6]],
      ["a", [5]],
    ]);
    expect(replica.records().map(({ seq }) => seq)).toEqual([4, 5, 6, 7, null]);
  });
});

describe("a local change", () => {
  const add = (replica: Replica, kind: OutboxRecord["kind"]) =>
    replica.add({ document: "a", kind, operations: inserting({ title: "t" }) }, null).generation;

  it("belongs to the generation of the document that the user sees", () => {
    const { replica } = setUp([]);
    expect(["insert", "update", "remove"].map((kind) => add(replica, kind as "insert"))).toEqual([
      1, 1, 1,
    ]);
    expect(["insert", "update"].map((kind) => add(replica, kind as "insert"))).toEqual([2, 2]);
  });

  it("follows the one that the server has ended", () => {
    expect(add(setUp([[1, [["a", row(null, 6)]]]]).replica, "insert")).toBe(7);
  });
});

describe("an answer of the server", () => {
  it("ends records, changes others, and moves the base", () => {
    const { replica, titles } = setUp(
      [[1, segment(["a", "base"])]],
      [retitle("x", { seq: 1 }), retitle("y", { seq: 2 })],
    );
    const rejected = { code: "REFUSED", message: "No." };
    replica.applySettled({
      rows: new Map([["a", row("x")]]),
      segment: 2,
      missed: [],
      damagedSegments: [],
      damaged: [],
      done: [retitle("x", { seq: 1 })],
      changed: [retitle("y", { seq: 2, rejected })],
    });
    expect(replica.refresh(["a"])).toEqual([{ id: "a", row: { title: "x" } }]);
    expect(titles()).toEqual({ a: "x" });
    expect(replica.counts()).toEqual({ pending: 0, rejected: 1, unsaved: 0 });
    expect([replica.lastSegment, replica.base("a")?.row]).toEqual([2, { title: "x" }]);
  });
});
