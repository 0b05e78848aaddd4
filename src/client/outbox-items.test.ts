import { describe, expect, it } from "vitest";
import { itemsOf } from "./outbox-items.js";
import type { OutboxRecord } from "./store/records.js";
import { fields, inserting, local, setting } from "./setup.test.js";
import type { BaseRow } from "./store/rows.js";

const REFUSAL = { code: "NO", message: "No." };
const live: BaseRow = { generation: 1, row: { title: "base", number: 1 } };
const base = { id: "a", title: "base", number: 1 };

const insert = (rest: Partial<OutboxRecord> = {}) =>
  local("insert", 1, inserting({ title: "mine" }), { seq: 1, ...rest });
const edit = (values: Parameters<typeof setting>[0], rest: Partial<OutboxRecord> = {}) =>
  local("update", 1, setting(values), { seq: 2, ...rest });
const refused = (record: OutboxRecord) => ({ ...record, rejected: REFUSAL });
const items = (known: BaseRow | undefined, ...records: OutboxRecord[]) =>
  itemsOf("a", known, records, fields);
const rows = (...args: Parameters<typeof items>) => items(...args).map(({ row }) => row);

describe("an item", () => {
  it("says what the change is, and what it would make of the row", () => {
    const made = { madeAt: 5, seq: 7 };
    expect(items(live, edit({ title: "new", number: undefined }, made))).toEqual([
      {
        status: "pending",
        seq: 7,
        id: "a",
        op: "update",
        madeAt: 5,
        changes: [{ path: ["title"], value: "new" }, { path: ["number"] }],
        row: { id: "a", title: "new" },
        base,
      },
    ]);
  });

  it("of a refused change says why", () => {
    const [item] = items(live, refused(edit({ title: "new" })));
    expect(item).toMatchObject({ status: "rejected", code: "NO", message: "No.", seq: 2 });
  });

  it("that is not on disk yet has no place", () => {
    expect(items(undefined, insert({ seq: null }))).toMatchObject([
      { status: "pending", seq: null },
    ]);
  });

  it("names nested fields by the keys on the way, whatever is in them", () => {
    const nested = setting({ "details/a~1b": "x" });
    const [item] = items(live, { ...edit({}), operations: nested });
    expect(item!.changes).toEqual([{ path: ["details", "a/b"], value: "x" }]);
  });

  it("of an insert changes every field, and of a removal none", () => {
    const [inserted, removed] = items(undefined, insert(), local("remove", 1, new Map()));
    expect(inserted).toMatchObject({ changes: [{ path: ["title"], value: "mine" }], base: null });
    expect(removed).toMatchObject({ op: "remove", changes: [], row: null });
  });
});

describe("the row of an item", () => {
  it("has the pending changes before it, and none after it", () => {
    expect(rows(live, edit({ title: "one" }), edit({ number: 2 }))).toEqual([
      { ...base, title: "one" },
      { ...base, title: "one", number: 2 },
    ]);
  });

  it("of a refused change leaves other refused changes out, and is left out of later ones", () => {
    expect(
      rows(
        live,
        refused(edit({ title: "bad" })),
        refused(edit({ number: -1 })),
        edit({ done: true }),
      ),
    ).toEqual([
      { ...base, title: "bad" },
      { ...base, number: -1 },
      { ...base, done: true },
    ]);
  });

  it("of an edit of a refused insert is the whole row", () => {
    expect(rows(undefined, refused(insert()), refused(edit({ done: true })))).toEqual([
      { id: "a", title: "mine" },
      { id: "a", title: "mine", done: true },
    ]);
  });

  it("is none for an edit of a document that is not there", () => {
    expect(rows({ generation: 1, row: null }, edit({ title: "x" }))).toEqual([null]);
    expect(rows({ generation: 1, row: null }, refused(edit({ title: "x" })))).toEqual([null]);
  });

  it("is none for an edit of an earlier generation of the document", () => {
    const again: BaseRow = { generation: 2, row: { title: "again" } };
    expect(rows(again, edit({ title: "x" }))).toEqual([null]);
  });

  it("is none for a removal, refused or not", () => {
    const remove = local("remove", 1, new Map(), { seq: 3 });
    expect(rows(live, refused(remove), remove)).toEqual([null, null]);
  });

  it("does not change the base", () => {
    rows(live, edit({ title: "one" }), refused(edit({ title: "two" })));
    expect(live.row).toEqual({ title: "base", number: 1 });
  });
});
