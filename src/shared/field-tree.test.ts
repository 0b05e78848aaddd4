import { v } from "convex/values";
import { describe, expect, it } from "vitest";
import { compileFields } from "./compiled-fields.js";
import { fieldTree, nodeAt } from "./field-tree.js";
import { defineFields, type Fields } from "./fields.js";

const hashOf = (fields: Fields) => compileFields(fields).hash;

describe("fieldsHash (D3)", () => {
  it("does not depend on the order of declaration", () => {
    expect(hashOf({ a: v.string(), b: v.object({ c: v.any(), d: v.any() }) })).toBe(
      hashOf({ b: v.object({ d: v.any(), c: v.any() }), a: v.string() }),
    );
  });

  it("is the same on every machine and in every version", () => {
    expect(hashOf({ title: v.string(), details: v.object({ due: v.string() }) })).toBe(
      "5898e89a4c07d95a",
    );
  });

  it("ignores what does not change the paths, and so does not block an old client", () => {
    expect(hashOf({ a: v.string() })).toBe(hashOf({ a: v.optional(v.number()) }));
  });

  it("differs for every different mapping to paths", () => {
    const mappings: Fields[] = [
      { a: v.string() },
      { b: v.string() },
      { a: v.object({}) },
      { a: v.record(v.string(), v.string()) },
      { a: v.record(v.string(), v.object({})) },
      { a: v.object({ b: v.string() }) },
      { a: v.object({ "*": v.string() }) },
      { a: v.object({ b: v.object({}) }) },
      { "a/b": v.string(), a: v.object({}) },
      { a: v.union(v.object({ b: v.string() }), v.null()) },
      { a: v.string(), b: v.string() },
    ];
    const hashes = mappings.map(hashOf);
    // A union is one value, so it maps as a scalar does.
    expect(new Set(hashes).size).toBe(mappings.length - 1);
    expect(hashes[9]).toBe(hashes[0]);
  });
});

describe("nodeAt", () => {
  const tree = fieldTree({
    title: v.string(),
    details: v.object({ due: v.string() }),
    votes: v.record(v.string(), v.object({ weight: v.number() })),
  });

  it.each(["", "title", "details", "details/due", "votes", "votes/ann", "votes/a~1b/weight"])(
    "finds %j",
    (path) => expect(nodeAt(tree, path)).not.toBeNull(),
  );

  it.each([
    "other",
    "title/below",
    "details/other",
    "votes/ann/other",
    "votes/_ann",
    "votes/__proto__",
    "constructor",
    "__proto__",
    "/",
    "/title",
    "votes/",
    "votes/a~b",
    "votes/a~",
    "votes/~2",
  ])("finds nothing at %j", (path) => expect(nodeAt(tree, path)).toBeNull());
});

describe("defineFields", () => {
  it.each(["id", "version", "timestamp", "_id", "_creationTime", "$x", "é", ""])(
    "refuses the name %j",
    (name) => {
      expect(() => defineFields({ [name]: v.string() })).toThrow(
        expect.objectContaining({ code: "INVALID_FIELDS" }),
      );
    },
  );

  it("says what to pass in the place of one validator, or of nothing", () => {
    const whole = v.object({ title: v.string() }) as unknown as Fields;
    expect(() => defineFields(whole)).toThrow("Pass the fields themselves, not v.object(fields).");
    expect(() => defineFields(undefined as unknown as Fields)).toThrow("not undefined.");
  });

  it("refuses what is not a validator, and what only the server can know", () => {
    expect(() => defineFields({ a: "string" } as unknown as Fields)).toThrow("not a validator");
    expect(() => defineFields({ a: v.commitTs() })).toThrow("commit timestamp");
    expect(() => defineFields({ a: v.optional(v.commitTs()) })).toThrow("commit timestamp");
  });
});
