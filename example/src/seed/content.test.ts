import { expect, test } from "vitest";
import { seedTask } from "./content.js";

const now = new Date(2026, 0, 15);
const titles = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => seedTask(from + index, now).title);

test("the same number gives the same task, under an id of its own", () => {
  const [one, two] = [seedTask(7, now), seedTask(7, now)];
  expect({ ...one, id: "" }).toEqual({ ...two, id: "" });
  expect(one.id).not.toBe(two.id);
});

test("a thousand tasks are varied, neighbours above all", () => {
  const all = titles(0, 1_000);
  expect(new Set(all).size).toBeGreaterThan(600);
  const alike = all.filter((title, index) => index > 0 && title === all[index - 1]);
  expect(alike.length).toBeLessThan(5);
});
