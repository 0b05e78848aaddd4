import { describe, expect, it } from "vitest";
import { ReplicateError, type ReplicateErrorCode } from "../shared/errors.js";
import { toLocalWrite, type LocalMutation } from "./local-write.js";
import { fields } from "./setup.test.js";

const row = { id: "a", title: "t", details: { due: "d", notes: "n" } };
const write = (mutation: Partial<LocalMutation>) =>
  toLocalWrite({ type: "update", key: "a", original: row, modified: row, ...mutation }, fields);
const operations = (mutation: Partial<LocalMutation>) =>
  Object.fromEntries(write(mutation).operations);

describe("what a mutation comes to", () => {
  it("an insert: every path of the row", () => {
    expect(write({ type: "insert", original: {} })).toMatchObject({
      document: "a",
      kind: "insert",
    });
    expect(operations({ type: "insert", original: {} })).toEqual({
      "": {},
      title: "t",
      details: {},
      "details/due": "d",
      "details/notes": "n",
    });
  });

  it("an update: the paths that changed, and nothing else", () => {
    const modified = { ...row, done: true, details: { due: "later", notes: "n" } };
    expect(operations({ modified })).toEqual({ done: true, "details/due": "later" });
  });

  it("fields that go are removed, whether deleted or set to undefined", () => {
    const { details: _, ...without } = row;
    const removed = { details: undefined, "details/due": undefined, "details/notes": undefined };
    expect(operations({ modified: without })).toEqual(removed);
    expect(operations({ modified: { ...row, details: undefined } })).toEqual(removed);
    expect(operations({ modified: { ...row, details: { due: "d" } } })).toEqual({
      "details/notes": undefined,
    });
  });

  it("an update that changes nothing: no operation", () => {
    expect(operations({ modified: structuredClone(row) })).toEqual({});
  });

  it("a removal: no operation, whatever the row", () => {
    expect(write({ type: "delete", modified: { id: "other" } })).toEqual({
      document: "a",
      kind: "remove",
      operations: new Map(),
    });
  });

  it("an update of a row that older fields made: just what it changes", () => {
    const original = { id: "a", owner: "ann", details: { due: "d", place: "p" } };
    const modified = { ...original, details: { ...original.details, due: "later" } };
    expect(operations({ original, modified })).toEqual({ "details/due": "later" });
  });

  it("leaves out what TanStack DB adds to rows", () => {
    const modified = { ...row, $synced: true, $origin: "local", $key: "a", $collectionId: "c" };
    expect(operations({ modified: { ...modified, $hasPendingWrites: false } })).toEqual({});
  });
});

it.each<[string, Partial<LocalMutation>, ReplicateErrorCode]>([
  ["a key that is no string", { key: 1 }, "INVALID_ID"],
  ["an empty key", { key: "" }, "INVALID_ID"],
  ["a key that is not the id", { key: "b" }, "INVALID_ID"],
  ["an id that changes", { modified: { ...row, id: "b" } }, "INVALID_ID"],
  ["a row without an id", { modified: { title: "t" } }, "INVALID_ID"],
  ["a removal under no key", { type: "delete", key: undefined }, "INVALID_ID"],
  ["a value that fits no field", { modified: { ...row, title: 1 } }, "INVALID_ROW"],
  ["a field nobody declared", { modified: { ...row, colour: "red" } }, "INVALID_ROW"],
  [
    "a new value of a field that is gone",
    { original: { ...row, owner: "a" }, modified: { ...row, owner: "b" } },
    "INVALID_ROW",
  ],
  ["a required field that goes", { modified: { ...row, title: undefined } }, "INVALID_ROW"],
  [
    "a nested value that fits no field",
    { modified: { ...row, details: { due: 1 } } },
    "INVALID_ROW",
  ],
  ["a value Convex cannot store", { modified: { ...row, title: new Date() } }, "INVALID_VALUE"],
])("refuses %s", (_name, mutation, code) => {
  const refused = expect(() => write(mutation));
  refused.toThrow(ReplicateError);
  refused.toThrow(expect.objectContaining({ code }));
});
