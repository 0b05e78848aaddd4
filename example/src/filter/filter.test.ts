import { expect, test } from "vitest";
import type { Task } from "../../convex/fields.js";
import { isFiltering, matches, NO_FILTER } from "./filter.js";

const task: Task = {
  id: "t",
  title: "Speed up CSV import",
  status: "todo",
  priority: "high",
  votes: 0,
  labels: ["performance"],
  position: 0,
  details: { notes: "Numbers first.", assignee: "Mira Okafor" },
  createdAt: 0,
};

test("without a filter everything matches", () => {
  expect(matches(task, NO_FILTER)).toBe(true);
  expect(isFiltering(NO_FILTER)).toBe(false);
  expect(isFiltering({ ...NO_FILTER, text: "  " })).toBe(false);
});

test("every word must occur, in the title, the notes or the name, in any case", () => {
  expect(matches(task, { ...NO_FILTER, text: "mira csv NUMBERS" })).toBe(true);
  expect(matches(task, { ...NO_FILTER, text: "csv export" })).toBe(false);
});

test("priority and label narrow further", () => {
  expect(matches(task, { text: "csv", priority: "high", label: "performance" })).toBe(true);
  expect(matches(task, { ...NO_FILTER, priority: "low" })).toBe(false);
  expect(matches(task, { ...NO_FILTER, label: "bug" })).toBe(false);
});
