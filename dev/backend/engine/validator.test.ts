import { v, type GenericValidator, type Value } from "convex/values";
import { randomFillSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { newId } from "./ids.js";
import { compileValidator } from "./validator.js";

const id = newId("tasks", (bytes) => void randomFillSync(bytes));

function problem(validator: GenericValidator, value: Value): string | null {
  const { json } = validator as unknown as { json: Parameters<typeof compileValidator>[0] };
  try {
    compileValidator(json)(value);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("validators", () => {
  it.each<[GenericValidator, Value]>([
    [v.null(), null],
    [v.int64(), 1n],
    [v.commitTs(), 1n],
    [v.bytes(), new ArrayBuffer(1)],
    [v.id("tasks"), id],
    [v.union(v.literal("a"), v.number()), 2],
    [v.object({ a: v.optional(v.string()) }), {}],
    [v.record(v.string(), v.array(v.number())), { x: [1] }],
    [v.record(v.id("tasks"), v.null()), { [id]: null }],
    [v.any(), { anything: [null] }],
  ])("accepts (case %#)", (validator, value) => {
    expect(problem(validator, value)).toBe(null);
  });

  it.each<[GenericValidator, Value, string]>([
    [v.string(), 7, "Expected `string`, got `7`"],
    [v.id("users"), id, 'Expected ID for table "users"'],
    [v.literal(1n), 1, "Expected `1n`"],
    [v.union(v.string(), v.null()), 2, "Expected one of string, null"],
    [v.object({ a: v.string() }), {}, "Missing required field `a`"],
    [v.object({}), { b: 1 }, "Unexpected field `b`"],
    [v.object({ a: v.array(v.number()) }), { a: [1, "x"] }, "got `x` (at .a[1])"],
    [v.record(v.string(), v.number()), { x: "y" }, "got `y` (at .x)"],
    [v.record(v.id("users"), v.number()), { x: 1 }, 'the key "x"'],
    [v.object({}), [] as unknown as Value, "Expected `object`"],
    [v.object({}), new ArrayBuffer(1), "Expected `object`"],
  ])("refuses (case %#)", (validator, value, expected) => {
    expect(problem(validator, value)).toContain(expected);
  });
});
