import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import * as limits from "../../src/shared/limits.js";
import { root, text } from "./markdown.js";

const found = (path: string, pattern: RegExp) =>
  Array.from(text(path).matchAll(pattern), ([, name = ""]) => name).sort();

it("docs/errors.md explains every code that there is, and no other", () => {
  const codes = found("src/shared/errors.ts", /^ {2}\| "([A-Z_]+)"/gm);
  expect(codes.length).toBeGreaterThan(30);
  expect(found("docs/errors.md", /^\| `(?!MAX_|TAIL_|STUB_)([A-Z_]+)` /gm)).toEqual(codes);
});

it("src/shared/errors.ts has every code that the package answers with", () => {
  const codes = found("src/shared/errors.ts", /^ {2}\| "([A-Z_]+)"/gm);
  for (const folder of ["src/server", "src/shared", "src/component", "src/client"]) {
    for (const file of readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.endsWith(".test.ts") || file.startsWith("storage-tests"))
        continue;
      const thrown = found(`${folder}/${file}`, /\bcode: "([A-Z_]+)"/g);
      expect(codes, `${folder}/${file}`).toEqual(expect.arrayContaining(thrown));
    }
  }
});

it("docs/errors.md states every limit as it is, and a test that is about it", () => {
  const rows = text("docs/errors.md").matchAll(/^\| `((?:MAX|TAIL|STUB)_[A-Z_]+)` .*$/gm);
  const stated = Array.from(rows, ([row, name = ""]) => {
    const cells = row.split("|").map((cell) => cell.trim());
    const codes = Array.from(cells[4]!.matchAll(/`([A-Z_]+)`/g), ([, code = ""]) => code);
    const test = text(cells[5]!);
    const isAbout = [name, ...codes].some((word) => test.includes(word));
    expect(isAbout, `${cells[5]} mentions neither ${name} nor its code`).toBe(true);
    return [name, Number(cells[3])];
  });
  expect(Object.fromEntries(stated)).toEqual({ ...limits });
});
