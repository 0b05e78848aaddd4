import { expect, it } from "vitest";
import { compileFields } from "../shared/compiled-fields.js";
import { batchesOf } from "./import-rows.js";
import { taskFields } from "./setup.test.js";

const fields = compileFields(taskFields);
const rowsNamed = (count: number, title = "t") =>
  Array.from({ length: count }, (_, n) => ({ id: `${n}`, title }));
const sizes = (rows: unknown[]) => batchesOf(fields, rows).map((batch) => batch.rows.length);

it("fills a batch up to 200 rows or 512 KiB", () => {
  expect(sizes([])).toEqual([]);
  expect(sizes(rowsNamed(401))).toEqual([200, 200, 1]);
  expect(sizes(rowsNamed(11, "x".repeat(100_000)))).toEqual([5, 5, 1]);
  expect(sizes(rowsNamed(2, "x".repeat(1_000_000)))).toEqual([1, 1]);
});

it("makes the same batches of the same rows, whatever the order of their keys", () => {
  const rows = [
    { id: "a", title: "t", done: true, data: { x: 1, y: { p: 1, q: 2 } }, votes: { b: 1, a: 2 } },
    { votes: { a: 2, b: 1 }, data: { y: { q: 2, p: 1 }, x: 1 }, done: true, title: "t", id: "a" },
  ];
  const [one, other] = rows.map((row) => batchesOf(fields, [row]));
  expect(one).toEqual(other);
  expect(one![0]!.rows).toHaveLength(1);
});

it("cuts no character of a message in half", () => {
  for (const length of [130, 131]) {
    const title = `${"x".repeat(length)}${"😀".repeat(200)}`;
    const [batch] = batchesOf(fields, [{ id: "a", title: "t", [title]: 1 }]);
    expect(batch!.failures[0]!.message).not.toMatch(/\p{Surrogate}/u);
  }
});

it("says of every row that cannot be stored why, and takes the others", () => {
  const [batch] = batchesOf(fields, [
    { id: "good", title: "t", done: undefined },
    { id: "date", title: "t", data: new Date(0) },
    { id: "key", title: "t", data: { $no: 1 } },
    { id: "column", title: "t", _creationTime: 1 },
    { id: "heavy", title: "t", data: Array.from({ length: 8 }, () => new Array(8_000).fill({})) },
    { id: 7, title: "t" },
    null,
    { id: "long", title: "t", ["x".repeat(1_000)]: 1 },
  ]);
  expect(batch!.rows.map(({ document }) => document)).toEqual(["good"]);
  expect(batch!.failures.map(({ document, code }) => [document, code])).toEqual([
    ["date", "INVALID_VALUE"],
    ["key", "INVALID_VALUE"],
    ["column", "INVALID_VALUE"],
    ["heavy", "ROW_TOO_LARGE"],
    ["row 5", "INVALID_ID"],
    ["row 6", "INVALID_ID"],
    ["long", "INVALID_ROW"],
  ]);
  expect(batch!.failures[6]!.message).toHaveLength(300 + 1);
});
