import { v, type GenericValidator, type Value } from "convex/values";
import { describe, expect, it } from "vitest";
import type { Fields } from "./fields.js";
import { idProblem } from "./ids.js";
import { MAX_ID_LENGTH, MAX_ROW_BYTES } from "./limits.js";
import type { RowFields } from "./operations.js";
import { rowCheck } from "./validate.js";

describe("rowCheck", () => {
  const check = rowCheck({
    title: v.string(),
    data: v.optional(v.any()),
    details: v.optional(v.object({ due: v.number() })),
    votes: v.optional(v.record(v.string(), v.number())),
  });

  it("accepts what the validator accepts", () => {
    expect(check({ title: "t", details: { due: NaN }, votes: { "a/b": 1 } })).toBeNull();
  });

  it.each([
    [{}, "title"],
    [{ title: 1 }, "title"],
    [{ title: "t", details: {} }, "details.due"],
    [{ title: "t", votes: { ann: "x" } }, "votes"],
    [{ title: "t", extra: 1 }, ""],
  ])("refuses %j and says where", (row, where) => {
    const problem = check(row);
    expect(problem?.code).toBe("INVALID_ROW");
    expect(problem?.message).toContain(where);
  });

  const course = v.union(v.literal("starter"), v.literal("main"), v.literal("dessert"));
  it.each<[string, GenericValidator, unknown, string]>([
    [
      "a union of literals",
      course,
      "brunch",
      '`x` should be "starter", "main" or "dessert", but is "brunch"',
    ],
    ["a literal", v.literal(5), 6, "`x` should be 5, but is 6"],
    ["a number", v.number(), "1", "`x` should be number, but is string"],
    [
      "a nested number",
      v.array(v.object({ n: v.number() })),
      [{ n: "1" }],
      "`x[0].n` should be number, but is string",
    ],
    [
      "a number in a record",
      v.record(v.string(), v.number()),
      { a: 1n },
      "`x.a` should be number, but is bigint",
    ],
    ["an int64", v.int64(), 1, "`x` should be bigint, but is number"],
    ["bytes", v.bytes(), "x", "`x` should be ArrayBuffer, but is string"],
    ["an id", v.id("users"), null, "`x` should be string, but is null"],
    [
      "a record that is an array",
      v.array(v.record(v.string(), v.any())),
      [[]],
      "`x[0]` should be object, but is array",
    ],
    [
      "an object that may be null",
      v.union(v.null(), v.object({ n: v.number() })),
      { n: "1" },
      "`x.n` should be number, but is string",
    ],
    [
      "several types",
      v.union(v.number(), v.string(), v.null()),
      true,
      "`x` should be number, string or null, but is boolean",
    ],
    ["what is missing", v.string(), undefined, "`x` is missing; it should be string"],
    ["what is too much", v.object({}), { y: 1 }, "`x.y` is not one of its fields"],
  ])("says of %s in the words of TypeScript what should be there", (_what, x, value, message) => {
    const row = { x: value } as RowFields;
    expect(rowCheck({ x } as Fields)(row)?.message).toContain(`${message}.`);
  });

  it("takes nothing that is inherited for a field", () => {
    const inherited = rowCheck({ toString: v.optional(v.string()), constructor: v.string() });
    expect(inherited({})?.message).toContain("`constructor` is missing; it should be string.");
    expect(inherited({ constructor: "c" })).toBeNull();
  });

  it("refuses a row that would not fit in a Convex document", () => {
    expect(check({ title: "x".repeat(MAX_ROW_BYTES - 100) })).toBeNull();
    expect(check({ title: "x".repeat(MAX_ROW_BYTES) })?.code).toBe("ROW_TOO_LARGE");
  });

  it.each([
    ["an array of more than 8,192 elements", new Array<number>(8_193).fill(0)],
    [
      "an object of more than 1,024 keys",
      Object.fromEntries(Array.from({ length: 1_025 }, (_, n) => [`k${n}`, n])),
    ],
  ])("refuses %s, at any depth", (_what, data) => {
    expect(check({ title: "t", data })?.code).toBe("ROW_TOO_LARGE");
    expect(check({ title: "t", data: [{ deep: data }] })?.code).toBe("ROW_TOO_LARGE");
  });

  it("refuses a record of more keys than Convex stores", () => {
    const votes = Object.fromEntries(Array.from({ length: 1_025 }, (_, n) => [`k${n}`, n]));
    expect(check({ title: "t", votes })?.code).toBe("ROW_TOO_LARGE");
  });

  it.each<[string, Value]>([
    ["1 MiB of numbers", Array.from({ length: 15 }, () => new Array<number>(7_600).fill(0.5))],
    ["1 MiB of text", "x".repeat(MAX_ROW_BYTES - 100)],
    ["60,000 texts", Array.from({ length: 8 }, () => new Array<string>(7_500).fill("text"))],
    [
      "12,000 rows of a table",
      [1, 2].map(() =>
        Array.from({ length: 6_000 }, (_, id) => ({ id, name: "n", done: true, at: 1 })),
      ),
    ],
  ])("accepts %s", (_what, data) => {
    expect(check({ title: "t", data })).toBeNull();
  });

  it("refuses what is heavy beside its bytes, unless it was heavier before", () => {
    const heavy = (objects: number) =>
      Array.from({ length: 16 }, () => Array.from({ length: objects / 16 }, () => ({})));
    const refused = check({ title: "t", data: heavy(64_000) });
    expect(refused).toMatchObject({
      code: "ROW_TOO_LARGE",
      message: expect.stringMatching(/240000/) as string,
    });
    for (const asked of ["touched", "whole"] as const) {
      const from = (objects: number, to: number) =>
        check({ title: "T", data: heavy(to) }, { title: "t", data: heavy(objects) }, asked);
      expect(from(64_000, 64_000)).toBeNull();
      expect(from(80_000, 64_000)).toBeNull();
      expect(from(64_000, 64_016)?.code).toBe("ROW_TOO_LARGE");
      expect(from(1_600, 64_000)?.code).toBe("ROW_TOO_LARGE");
    }
  });

  it("accepts arrays and records that just fit", () => {
    const votes = Object.fromEntries(Array.from({ length: 1_024 }, (_, n) => [`k${n}`, n]));
    expect(check({ title: "t", votes, data: new Array<number>(8_192).fill(0) })).toBeNull();
  });
});

describe("idProblem", () => {
  it.each(["a", "ünïcode ✓", "x".repeat(MAX_ID_LENGTH), "__proto__", " "])("accepts %j", (id) =>
    expect(idProblem(id)).toBeNull(),
  );

  it.each(["", "x".repeat(MAX_ID_LENGTH + 1), 1, null, undefined, {}, 1n])("refuses %s", (id) => {
    expect(idProblem(id)?.code).toBe("INVALID_ID");
  });

  it("refuses half a surrogate pair, which no JSON parser but JavaScript's accepts", () => {
    expect(idProblem("\ud83d")?.code).toBe("INVALID_ID");
    expect(idProblem("😀")).toBeNull();
  });
});
