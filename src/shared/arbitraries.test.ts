import type { GenericValidator, Value } from "convex/values";
import { convexToJson, v } from "convex/values";
import fc from "fast-check";
import { expect, it } from "vitest";
import { compileFields, type CompiledFields } from "./compiled-fields.js";
import type { RowFields } from "./operations.js";
import { isConvexKey } from "./values.js";

const key = fc
  .oneof(fc.constantFrom("a", "b", "a/b", "~1", "constructor", "toString", "7"), fc.string())
  .filter(isConvexKey);

// Rows are looked up by name, which finds an absent `toString` on Object.prototype.
const fieldName = key.filter((name) => !(name in Object.prototype));

/** Any Convex value that can be a field, extremes included. */
export const convexValue: fc.Arbitrary<Value> = fc
  .letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Value>(
        NaN,
        -0,
        0,
        Infinity,
        -Infinity,
        -(2n ** 63n),
        2n ** 63n - 1n,
        null,
        "",
      ),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.string({ unit: "grapheme" }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.uint8Array().map((bytes) => bytes.slice().buffer as ArrayBuffer),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  .value.filter((value) => !Object.hasOwn(Object(value) as object, "constructor"));

/** A value as JSON: what `toEqual` compares to the last byte, which it does not for an ArrayBuffer. */
export const exact = (value: Value | null | undefined) =>
  value === undefined ? undefined : convexToJson(value);

/** A validator that splits as deep as it likes, and the values that fit it. */
type Shape = { validator: GenericValidator; value: fc.Arbitrary<Value> };

const leaf: Shape = { validator: v.any(), value: convexValue };

const shape: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.constant(leaf),
    fc.dictionary(fieldName, tie("shape"), { maxKeys: 3, noNullPrototype: true }).map(objectShape),
    tie("shape").map(({ validator, value }): Shape => ({
      validator: v.record(v.string(), validator as ReturnType<typeof v.any>),
      value: fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true }),
    })),
  ),
})).shape;

function objectShape(shapes: Record<string, Shape>): Shape {
  const entries = Object.entries(shapes);
  const validators = entries.map(([name, { validator }]) => [
    name,
    v.optional(validator as ReturnType<typeof v.any>),
  ]);
  const values = entries.map(([name, { value }]) => [name, value]);
  return {
    validator: v.object(Object.fromEntries(validators)),
    value: fc.record(Object.fromEntries(values) as Record<string, fc.Arbitrary<Value>>, {
      requiredKeys: [],
      noNullPrototype: true,
    }),
  };
}

/** Random fields, and some random rows that fit them. */
export type Scenario = { fields: CompiledFields; rows: RowFields[] };

export const scenario = (rows: number): fc.Arbitrary<Scenario> =>
  fc
    .dictionary(
      fieldName.filter((name) => !["id", "version", "timestamp"].includes(name)),
      shape,
      { minKeys: 1, maxKeys: 4, noNullPrototype: true },
    )
    .map(objectShape)
    .chain(({ validator, value }) =>
      fc.tuple(...Array.from({ length: rows }, () => value)).map((generated) => ({
        fields: compileFields((validator as ReturnType<typeof v.object>).fields),
        rows: generated as RowFields[],
      })),
    );

it("random rows fit their random fields", () => {
  fc.assert(
    fc.property(scenario(1), ({ fields, rows }) => {
      expect(fields.check(rows[0]!)).toBeNull();
    }),
  );
});
