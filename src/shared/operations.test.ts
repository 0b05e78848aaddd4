import { v } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convexValue, exact, scenario } from "./arbitraries.test.js";
import { compileFields } from "./compiled-fields.js";
import {
  applyOperations,
  complete,
  completeWithin,
  decodeOperations,
  difference,
  encodeOperations,
  flatten,
  MARKER,
  unflatten,
  type Operations,
} from "./operations.js";

const { tree } = compileFields({
  title: v.string(),
  done: v.optional(v.boolean()),
  details: v.optional(v.object({ due: v.optional(v.string()), notes: v.optional(v.string()) })),
  votes: v.optional(v.record(v.string(), v.object({ weight: v.optional(v.number()) }))),
});

const entriesOf = (operations: Operations) =>
  [...operations].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, value]) => [path, exact(value)]);

describe("flatten and unflatten", () => {
  it("are inverse for random rows of random fields", () => {
    fc.assert(
      fc.property(scenario(1), ({ fields, rows }) => {
        const [row] = rows;
        expect(exact(unflatten(flatten(row!, fields.tree), fields.tree))).toEqual(exact(row));
      }),
    );
  });

  it("split objects and records, and nothing else", () => {
    const flat = flatten({ title: "t", details: { due: "d" }, votes: { "a/b": {} } }, tree);
    expect([...flat.keys()].sort()).toEqual([
      "",
      "details",
      "details/due",
      "title",
      "votes",
      "votes/a~1b",
    ]);
  });

  it("tell an empty object from a missing one", () => {
    expect(unflatten(flatten({ title: "t", details: {} }, tree), tree)).toEqual({
      title: "t",
      details: {},
    });
    expect(unflatten(flatten({ title: "t" }, tree), tree)).toEqual({ title: "t" });
  });

  it("render keys in one order, whatever order they were written in", () => {
    const row = { votes: { b: {}, a: {} }, title: "t" };
    expect(JSON.stringify(unflatten(flatten(row, tree), tree))).toBe(
      '{"title":"t","votes":{"a":{},"b":{}}}',
    );
  });

  it("show nothing of a row without its root marker, nor below an object without one", () => {
    expect(unflatten(new Map([["title", "t"]]), tree)).toBeNull();
    const flat = new Map([
      ["", MARKER],
      ["title", "t"],
      ["details/due", "stale"],
    ]);
    expect(unflatten(flat, tree)).toEqual({ title: "t" });
  });

  it("leave out the id, and refuse a field that is not declared, at any depth", () => {
    expect(flatten({ id: "x", title: "t" }, tree).has("id")).toBe(false);
    expect(() => flatten({ title: "t", extra: 1 }, tree)).toThrow("`extra`");
    expect(() => flatten({ title: "t", details: { x: 1 } }, tree)).toThrow("`details.x`");
  });

  it("refuse anything but an object in the place of one, which would be shown as empty", () => {
    for (const [value, kind] of [
      [[], "array"],
      [5, "number"],
      [null, "null"],
    ] as const) {
      const message = `should be object, but is ${kind}.`;
      expect(() => flatten({ title: "t", votes: value }, tree)).toThrow(`\`votes\` ${message}`);
      const details = { votes: { ann: value } };
      expect(() => flatten(details, tree)).toThrow(`\`votes.ann\` ${message}`);
    }
  });

  it("refuse record keys that Convex refuses", () => {
    for (const key of ["$x", "_x", "é", ""]) {
      expect(() => flatten({ title: "t", votes: { [key]: {} } }, tree)).toThrow(
        JSON.stringify(key),
      );
    }
  });
});

describe("difference and applyOperations", () => {
  it("lead from any row to any other", () => {
    fc.assert(
      fc.property(scenario(2), ({ fields, rows }) => {
        const [from, to] = rows.map((row) => flatten(row, fields.tree));
        applyOperations(from!, difference(from!, to!));
        expect(entriesOf(from!)).toEqual(entriesOf(to!));
      }),
    );
  });

  it("find nothing between a row and its copy", () => {
    fc.assert(
      fc.property(scenario(1), ({ fields, rows }) => {
        const flat = flatten(rows[0]!, fields.tree);
        expect(difference(flat, new Map(flat)).size).toBe(0);
      }),
    );
  });

  it("name only the paths that changed (C2)", () => {
    const from = flatten({ title: "t", details: { due: "d", notes: "n" } }, tree);
    const to = flatten({ title: "t", details: { notes: "N" } }, tree);
    expect(difference(from, to)).toEqual(
      new Map<string, unknown>([
        ["details/notes", "N"],
        ["details/due", undefined],
      ]),
    );
  });
});

describe("complete (D1)", () => {
  const base = () => flatten({ title: "t", details: { due: "d", notes: "n" } }, tree);

  function after(...edits: Operations[]) {
    const flat = base();
    for (const edit of edits) applyOperations(flat, edit);
    return unflatten(flat, tree);
  }

  const removeDetails: Operations = new Map([["details", undefined]]);
  const setDue: Operations = new Map([["details/due", "D"]]);
  const setNotes: Operations = new Map([["details/notes", "N"]]);

  it("keeps both of two disjoint nested edits, in either order", () => {
    const both = { title: "t", details: { due: "D", notes: "N" } };
    expect(after(setDue, setNotes)).toEqual(both);
    expect(after(setNotes, setDue)).toEqual(both);
  });

  it("lets a write below a removed object bring the object back, without what went with it", () => {
    expect(after(removeDetails, setDue)).toEqual({ title: "t", details: { due: "D" } });
  });

  it("lets a removal take along what is below", () => {
    expect(after(setDue, removeDetails)).toEqual({ title: "t" });
    expect(complete(base(), removeDetails)).toEqual(
      new Map([
        ["details", undefined],
        ["details/due", undefined],
        ["details/notes", undefined],
      ]),
    );
  });

  it("lets a removal take along what is written below it at the same time", () => {
    const both: Operations = new Map<string, string | undefined>([
      ["details/due", "hidden"],
      ["details", undefined],
      ["details/notes", undefined],
    ]);
    const all = ["details", "details/due", "details/notes"];
    expect(complete(base(), both)).toEqual(new Map(all.map((path) => [path, undefined])));
  });

  it("clears stale paths when an object starts again", () => {
    const flat = flatten({ title: "t" }, tree);
    flat.set("details/due", "stale");
    applyOperations(flat, new Map([["details", MARKER]]));
    expect(unflatten(flat, tree)).toEqual({ title: "t", details: {} });
  });

  it("re-asserts every marker above a deep write, but never the document's own", () => {
    const completed = complete(new Map(), new Map([["votes/ann/weight", 2]]));
    expect([...completed.keys()].sort()).toEqual(["votes", "votes/ann", "votes/ann/weight"]);
  });
});

describe("completeWithin", () => {
  const flat = flatten({ title: "t", details: { due: "d", notes: "n" } }, tree);
  const gone = flatten({ title: "T" }, tree);

  it("leaves out removals that go with another, and no more of them than it must", () => {
    const explicit = difference(flat, gone);
    expect([...explicit.keys()]).toEqual(["title", "details", "details/due", "details/notes"]);
    const implicit: Operations = new Map([
      ["title", "T"],
      ["details", undefined],
    ]);
    for (const operations of [explicit, implicit]) {
      for (const most of [1, 2, 3, 4]) {
        const completed = completeWithin(most, flat, operations);
        expect(completed.size).toBe(Math.max(most, 2));
        const row = new Map(flat);
        applyOperations(row, completed); // as the server does
        expect(entriesOf(row)).toEqual(entriesOf(gone));
      }
    }
  });

  it("leaves out those below an object that begins again", () => {
    const stale = flatten({ title: "t" }, tree).set("details/due", "stale");
    const operations: Operations = new Map([["details/notes", "n"]]);
    expect(completeWithin(3, stale, operations).size).toBe(3);
    expect([...completeWithin(2, stale, operations).keys()]).toEqual(["details/notes", "details"]);
  });

  it("keeps every removal that nothing implies", () => {
    const operations: Operations = new Map([
      ["details/due", undefined],
      ["details/notes", undefined],
    ]);
    expect(completeWithin(1, flat, operations)).toEqual(operations);
  });
});

describe("the JSON codec of operations", () => {
  it("brings every Convex value and every removal back", () => {
    const operations = fc.array(fc.tuple(fc.string(), fc.option(convexValue, { nil: undefined })));
    fc.assert(
      fc.property(operations, (pairs) => {
        const original: Operations = new Map(pairs);
        expect(entriesOf(decodeOperations(encodeOperations(original)))).toEqual(
          entriesOf(original),
        );
      }),
    );
  });
});
