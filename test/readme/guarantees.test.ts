import { expect, it } from "vitest";
import { text } from "./markdown.js";

/** `path/of.test.ts` › "title of the test" */
const REFERENCE = /`((?:src|test|example)\/[^`]+\.test\.tsx?)` › "([^"]+)"/g;

const references = Array.from(
  text("docs/guarantees.md").matchAll(REFERENCE),
  ([, path = "", title = ""]) => ({ path, title }),
);

/** Matches a test of that title that is neither skipped nor in a comment. */
function runs(title: string): RegExp {
  const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(
    `^\\s*(it|test)(\\.each(<[^]*?>)?\\([^]*?\\))?\\(\\s*["'\`][^\n]*${escaped}`,
    "m",
  );
}

it("finds the tests that docs/guarantees.md names", () => {
  expect(references.length).toBeGreaterThan(0);
});

it.each(references)("$path › $title", ({ path, title }) => {
  expect(text(path), `${path} runs no test called "${title}"`).toMatch(runs(title));
});

it("names a test for every promise", () => {
  const rows = text("docs/guarantees.md")
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[\s-]*\||promise +\|/.test(line));
  for (const row of rows) expect(row, "a promise without a test").toMatch(REFERENCE);
});
