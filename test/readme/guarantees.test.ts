import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const text = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), "utf8");

/** `path/of.test.ts` › "title of the test" */
const REFERENCE = /`((?:src|test|example)\/[^`]+\.test\.tsx?)` › "([^"]+)"/g;

const references = Array.from(
  text("docs/guarantees.md").matchAll(REFERENCE),
  ([, path = "", title = ""]) => ({ path, title }),
);

it("finds the tests that docs/guarantees.md names", () => {
  expect(references.length).toBeGreaterThan(0);
});

it.each(references)("$path › $title", ({ path, title }) => {
  expect(text(path), `${path} has no test called "${title}"`).toContain(title);
});

it("names a test for every promise", () => {
  const rows = text("docs/guarantees.md")
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[\s-]*\||promise +\|/.test(line));
  for (const row of rows) expect(row, "a promise without a test").toMatch(REFERENCE);
});
