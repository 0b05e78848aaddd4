import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convexValue, exact } from "./arbitraries.test.js";
import { ReplicateError } from "./errors.js";
import { fromCrdtValue, sameValue, toConvexValue, toCrdtValue } from "./values.js";

class Point {
  x = 1;
}

const refused: [string, unknown][] = [
  ["a Date", new Date()],
  ["a Map", new Map()],
  ["a Set", new Set()],
  ["a class instance", new Point()],
  ["undefined in an array", [1, undefined]],
  ["a hole in an array", new Array(2)],
  ["undefined itself", undefined],
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["a bigint above 64 bits", 2n ** 63n],
  ["a bigint below 64 bits", -(2n ** 63n) - 1n],
  ["a Uint8Array", new Uint8Array(1)],
  ["a RegExp", /a/],
  ["a Promise", Promise.resolve()],
  ["a __proto__ key", JSON.parse('{"__proto__": {}}')],
  ["a $ key", { $x: 1 }],
  ["a _ key", { _x: 1 }],
  ["a key beyond ASCII", { é: 1 }],
  ["a key with a control character", { "a\n": 1 }],
  ["an empty key", { "": 1 }],
];

describe("toConvexValue (D4)", () => {
  it.each(refused)("refuses %s, also deep inside", (_what, value) => {
    const attempts = [() => toConvexValue([{ deep: [value] }], "x")];
    if (value !== undefined) attempts.push(() => toConvexValue({ inside: value }, "x"));
    for (const attempt of [...attempts, () => toConvexValue(value, "x")]) {
      expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_VALUE" }));
      expect(attempt).toThrow(ReplicateError);
    }
  });

  it("names the place of what it refuses", () => {
    expect(() => toConvexValue({ a: [1, { b: new Date() }] }, "details")).toThrow(
      "`details.a[1].b`",
    );
  });

  it("leaves out properties that are undefined, as Convex does", () => {
    expect(toConvexValue({ a: 1, b: undefined }, "x")).toStrictEqual({ a: 1 });
    expect(Object.keys(toConvexValue({ b: undefined }, "x") as object)).toStrictEqual([]);
  });

  it("refuses what nests deeper than Convex stores, and a cycle", () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(() => toConvexValue(nested(16), "x")).not.toThrow();
    expect(() => toConvexValue(nested(17), "x")).toThrow("16 levels");
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => toConvexValue(cycle, "x")).toThrow("16 levels");
  });

  it("refuses a key `constructor` where Yjs would trip over it, and only there", () => {
    expect(() => toConvexValue({ constructor: "x" }, "x")).toThrow("`constructor`");
    expect(toConvexValue([{ constructor: "x" }], "x")).toEqual([{ constructor: "x" }]);
  });

  it("copies, so that later edits of the original change nothing", () => {
    const bytes = new Uint8Array([1]).buffer;
    const original = { list: [{ n: 1 }], bytes };
    const copy = toConvexValue(original, "x") as typeof original;
    original.list[0]!.n = 2;
    new Uint8Array(bytes)[0] = 2;
    expect(copy.list).toStrictEqual([{ n: 1 }]);
    expect(new Uint8Array(copy.bytes)).toStrictEqual(new Uint8Array([1]));
  });
});

describe("toCrdtValue and fromCrdtValue", () => {
  it("are inverse for every Convex value", () => {
    fc.assert(
      fc.property(convexValue, (value) => {
        expect(exact(fromCrdtValue(toCrdtValue(value)))).toEqual(exact(value));
      }),
    );
  });

  it("sort keys, so that every replica renders alike", () => {
    expect(JSON.stringify(fromCrdtValue({ b: 1, a: { d: 1, c: 2 } }))).toBe(
      '{"a":{"c":2,"d":1},"b":1}',
    );
  });

  it("take the exact bytes of a view into a larger buffer", () => {
    const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect(fromCrdtValue(view)).toStrictEqual(new Uint8Array([2, 3]).buffer);
  });

  it("cannot reach a prototype", () => {
    const hostile = JSON.parse('{"__proto__": {"admin": true}}') as unknown;
    const copy = fromCrdtValue(hostile) as Record<string, unknown>;
    expect(copy["admin"]).toBeUndefined();
    expect(() => toConvexValue(copy, "x")).toThrow("__proto__");
  });
});

describe("sameValue", () => {
  it("agrees with equality of copies and tells values of different types apart", () => {
    fc.assert(
      fc.property(convexValue, (value) => {
        expect(sameValue(value, toConvexValue(value, "x"))).toBe(true);
        expect(sameValue(value, [value])).toBe(false);
        expect(sameValue(value, undefined)).toBe(false);
      }),
    );
    expect(sameValue(1, 1n)).toBe(false);
    expect(sameValue(0, -0)).toBe(false);
    expect(sameValue(null, undefined)).toBe(false);
    expect(sameValue({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(sameValue({ a: 1, b: 2 }, { a: 1, c: 2 })).toBe(false);
    expect(sameValue({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(sameValue({}, [])).toBe(false);
    expect(sameValue([1, 2], [1, 3])).toBe(false);
    expect(sameValue([1], [1, 2])).toBe(false);
    const bytes = (...list: number[]) => Uint8Array.from(list).buffer;
    expect(sameValue(bytes(1, 2), bytes(1, 2))).toBe(true);
    expect(sameValue(bytes(1, 2), bytes(1, 3))).toBe(false);
    expect(sameValue(bytes(), {})).toBe(false);
    expect(sameValue({}, bytes())).toBe(false);
    expect(sameValue([NaN, { deep: bytes(1) }], [NaN, { deep: bytes(1) }])).toBe(true);
  });
});
