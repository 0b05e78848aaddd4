import { convexToJson, type Value } from "convex/values";
import fc from "fast-check";
import { expect, it } from "vitest";
import { scenario } from "../../shared/arbitraries.test.js";
import { decodeRow, encodeRow } from "./rows.js";

const roundTrip = (row: Record<string, Value>) => decodeRow(encodeRow("a", { generation: 3, row }));

it.each<[string, Value]>([
  ["an int64", 2n ** 63n - 1n],
  ["the smallest int64", -(2n ** 63n)],
  ["bytes", new Uint8Array([0, 255]).buffer],
  ["no bytes", new ArrayBuffer(0)],
  ["NaN", NaN],
  ["-0", -0],
  ["infinities", [Infinity, -Infinity]],
  ["a string that starts with $", "$integer"],
  ["a string that holds a quote and $", 'say "$bytes"'],
  ["a string that looks like encoded bytes", '{"$bytes":"AAA="}'],
  ["null", null],
  ["empty things", [{}, [], ""]],
])("a stored row keeps %s", (_name, value) => {
  const row = { before: "$1", value, nested: { value, after: [value] } };
  const decoded = roundTrip(row);
  expect(decoded.generation).toBe(3);
  expect(decoded.row).toEqual(row); // tells -0 from 0
  expect(convexToJson(decoded.row!)).toEqual(convexToJson(row)); // compares the bytes
});

it("random rows are stored and read back alike", () => {
  fc.assert(
    fc.property(scenario(1), ({ rows }) => {
      const decoded = roundTrip(rows[0]!);
      expect(JSON.stringify(convexToJson(decoded.row!))).toBe(
        JSON.stringify(convexToJson(rows[0]!)),
      );
    }),
  );
});

it("a document that has ended has no row", () => {
  expect(encodeRow("a", { generation: 2, row: null })).toEqual(["a", 2, null]);
  expect(decodeRow(["a", 2, null])).toEqual({ generation: 2, row: null });
});

it("a row keeps the generation that its insert named, when it went into another one", () => {
  const row = { generation: 4, row: { title: "t" }, insertedAs: 1 };
  expect(decodeRow(encodeRow("a", row))).toEqual(row);
});
