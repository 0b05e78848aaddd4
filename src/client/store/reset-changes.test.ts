import { describe, expect, it } from "vitest";
import type { ResetReason } from "../../shared/wire.js";
import { emptyBase, type BaseDocument } from "./base.js";
import { withBytes, type NumberedRecord } from "./mint.js";
import { fromStored } from "./records.js";
import { judgeChanges } from "./reset-changes.js";
import { bytesOf, fields, inserting, setting, stored } from "../setup.test.js";
import { unflatten } from "../../shared/operations.js";

// What becomes of changes that have waited while everything was loaded anew.

const created = bytesOf(inserting({ title: "t" }));
const live: BaseDocument = { generation: 1, live: true, updates: [created], clientId: null };
const ended: BaseDocument = { ...emptyBase(), generation: 1 };

const insert = (seq: number) => stored(seq, "insert", 1, inserting({ title: "mine" }));
const retitle = (seq: number, title = "x", generation = 1) =>
  stored(seq, "update", generation, setting({ title }));
const remove = (seq: number) => stored(seq, "remove", 1);
const sent = (...group: NumberedRecord[]) => withBytes(group, bytesOf(setting({ title: "x" })));

function judge(
  records: NumberedRecord[],
  bases: { before?: BaseDocument; after?: BaseDocument },
  reason: ResetReason = "pruned",
) {
  const both = { before: undefined, after: undefined, ...bases };
  const { changed, done } = judgeChanges(records, both, reason, fields);
  return {
    done: done.map(({ seq }) => seq),
    rejected: changed.flatMap(({ seq, record }) =>
      record.rejected ? [[seq, record.rejected.code]] : [],
    ),
    again: changed.flatMap(({ seq, record }) => (record.rejected ? [] : [seq])),
    rows: changed.map(({ seq, record }) => {
      const { row } = fromStored(seq, record);
      return row ? unflatten(row, fields.tree) : null;
    }),
  };
}

const UNTOUCHED = { done: [], rejected: [], again: [], rows: [] };

describe.each(["pruned", "restored"] as const)("when the database was %s", (reason) => {
  it("changes of what is still there wait on", () => {
    const records = [retitle(1), retitle(2), remove(3)];
    expect(judge(records, { before: live, after: live }, reason)).toEqual(UNTOUCHED);
  });

  it("edits of what is gone are told, each with the row that is lost with it", () => {
    const records = [retitle(1, "one"), stored(2, "update", 1, setting({ done: true }))];
    const gone = judge(records, { before: live }, reason);
    expect(gone.rejected).toEqual([
      [1, "UNKNOWN_DOCUMENT"],
      [2, "UNKNOWN_DOCUMENT"],
    ]);
    expect(gone.rows).toEqual([{ title: "one" }, { title: "one", done: true }]);
    expect(judge(records, { before: live, after: ended }, reason).rejected).toEqual(gone.rejected);
    expect(judge(sent(...records), { before: live }, reason).rejected).toEqual(gone.rejected);
  });

  it("a removal of what is gone is done", () => {
    expect(judge([remove(1)], { before: live }, reason)).toEqual({ ...UNTOUCHED, done: [1] });
  });

  it("an insert that was never sent goes in, and what follows it", () => {
    const records = [insert(1), retitle(2), remove(3)];
    expect(judge(records, {}, reason)).toEqual(UNTOUCHED);
    expect(judge(records, { before: live, after: ended }, reason)).toEqual(UNTOUCHED);
  });

  it("edits before an insert are told, those after it go in", () => {
    const records = [retitle(1), insert(2), retitle(3)];
    expect(judge(records, { before: live }, reason).rejected).toEqual([[1, "UNKNOWN_DOCUMENT"]]);
  });

  it("an insert that the server has is sent again, to be told so", () => {
    const records = withBytes([insert(1), retitle(2)], created);
    expect(judge(records, { after: live }, reason)).toEqual(UNTOUCHED);
  });
});

describe("an insert that was sent, and is not there", () => {
  const records = [...withBytes([insert(1), retitle(2)], created), retitle(3, "y")];

  it("may have been removed since: it does not bring anything back by itself", () => {
    const { rejected, rows } = judge(records, {});
    expect(rejected).toEqual([
      [1, "SENT_LONG_AGO"],
      [2, "SENT_LONG_AGO"],
      [3, "SENT_LONG_AGO"],
    ]);
    expect(rows).toEqual([{ title: "mine" }, { title: "x" }, { title: "y" }]);
  });

  it("also where someone else has inserted another", () => {
    const other = { ...live, generation: 2, updates: [bytesOf(inserting({ title: "o" }), [], 99)] };
    expect(judge(records, { after: other }).rejected).toHaveLength(3);
  });

  it("was lost with what a backup has not: it goes in again, exactly as it was", () => {
    expect(judge(records, {}, "restored")).toEqual(UNTOUCHED);
  });
});

describe("an edit that was sent", () => {
  const records = sent(retitle(1), retitle(2));

  it("goes out again exactly as it was", () => {
    expect(judge(records, { before: live, after: live })).toEqual(UNTOUCHED);
  });

  it("is made anew on what a restored database has: what it builds on may mean something else", () => {
    const { again, rejected } = judge(records, { before: live, after: live }, "restored");
    expect([again, rejected]).toEqual([[1, 2], []]);
  });
});
