import fc from "fast-check";
import { compareValues, type Value } from "convex/values";
import { describe, expect, it } from "vitest";
import { encodeKey, endOfPrefix, justAfter } from "./index-key.js";

const scalar = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.string({ maxLength: 3 }),
  fc.uint8Array({ maxLength: 3 }).map((bytes) => new Uint8Array(bytes).buffer),
);
const name = fc.stringMatching(/^[a-c]{1,2}$/);
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(name, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const field = fc.option(value, { nil: undefined });

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

describe("index keys", () => {
  it("are in Convex's order of values", () => {
    fc.assert(
      fc.property(field, field, (a, b) => {
        expect(order(encodeKey([a]), encodeKey([b]))).toBe(Math.sign(compareValues(a, b)));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    [-0, 0],
    [-Infinity, -1],
    [Number.MAX_VALUE, Infinity],
    [Infinity, NaN],
    ["a", "a\u0000"],
    ["a\u0000", "a\u0001"],
    ["\uffff", "\u{10000}"],
    [[], [null]],
    [undefined, null],
  ] as [Value | undefined, Value | undefined][])("%j is before %j", (a, b) => {
    expect(order(encodeKey([a]), encodeKey([b]))).toBe(-1);
  });

  it("compare field by field", () => {
    fc.assert(
      fc.property(field, field, field, field, (a, b, c, d) => {
        const expected = Math.sign(compareValues(a, c)) || Math.sign(compareValues(b, d));
        expect(order(encodeKey([a, b]), encodeKey([c, d]))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("of a prefix end together, and nothing fits just after a key", () => {
    fc.assert(
      fc.property(field, field, field, (a, b, other) => {
        const [prefix, key] = [encodeKey([a]), encodeKey([a, b])];
        expect(prefix <= key && key < endOfPrefix(prefix)).toBe(true);
        const another = encodeKey([a, other]);
        expect(key < another && another < justAfter(key)).toBe(false);
      }),
    );
  });
});
