import { v } from "convex/values";
import { describe, expect, it } from "vitest";
import { idProblem } from "./ids.js";
import { MAX_ID_LENGTH, MAX_ROW_BYTES } from "./limits.js";
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
