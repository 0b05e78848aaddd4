import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { filesIn, root, text } from "./markdown.js";

const RULE = /\b[DSC]\d{1,2}\b/g;

const rows = Array.from(text("docs/rules.md").matchAll(/^\| ([DSC]\d+) +\|.*\| (\S*) *\|$/gm));

it("docs/rules.md has every rule that the sources cite", () => {
  const known = rows.map(([, rule]) => rule);
  expect(known.length).toBeGreaterThan(20);
  for (const file of [...filesIn("src", ".ts"), ...filesIn("src", ".tsx")]) {
    if (file.includes("/_generated/")) continue;
    const cited = Array.from(text(file).matchAll(/\(([^()]*)\)/g), ([, inside = ""]) =>
      Array.from(inside.matchAll(RULE), ([rule]) => rule),
    ).flat();
    expect(known, file).toEqual(expect.arrayContaining(cited));
  }
});

it.each(rows.map(([, rule = "", module = ""]) => ({ rule, module })))(
  "names a module that exists for $rule",
  ({ module }) => {
    if (module !== "") expect(existsSync(new URL(module.replaceAll("`", ""), root))).toBe(true);
  },
);
