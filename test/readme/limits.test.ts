import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const text = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), "utf8");

const found = (path: string, pattern: RegExp) =>
  Array.from(text(path).matchAll(pattern), ([, name = ""]) => name).sort();

it("docs/server.md explains every code that there is, and no other", () => {
  const codes = found("src/shared/errors.ts", /^ {2}\| "([A-Z_]+)"/gm);
  expect(codes.length).toBeGreaterThan(30);
  expect(found("docs/server.md", /^\| `([A-Z_]+)` /gm)).toEqual(codes);
});
