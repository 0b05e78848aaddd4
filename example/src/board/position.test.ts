import { expect, test } from "vitest";
import { between, positionBefore } from "./position.js";

const column = [
  { id: "a", position: 1 },
  { id: "b", position: 2 },
  { id: "c", position: 3 },
];

test("a position between two neighbours, or beyond the only one", () => {
  expect(between(1, 2)).toBe(1.5);
  expect(between(undefined, 1)).toBe(0);
  expect(between(3, undefined)).toBe(4);
  expect(between(undefined, undefined)).toBe(0);
});

test("a card dropped before another stands between it and the one above", () => {
  expect(positionBefore(column, "c", "a")).toBe(2.5);
  expect(positionBefore(column, "a", "c")).toBe(0);
  expect(positionBefore(column, null, "a")).toBe(4);
});

test("a card from another column needs no place of its own", () => {
  expect(positionBefore(column, "b", "elsewhere")).toBe(1.5);
});

test("a card dropped where it already is keeps its neighbours", () => {
  expect(positionBefore(column, "c", "b")).toBe(2);
});
