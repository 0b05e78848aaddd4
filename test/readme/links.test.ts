import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { anchorsOf, fencesOf, linksOf, PAGES, root, text } from "./markdown.js";

/** In the README's part that convex.dev shows, links within the repository are absolute. */
const REPOSITORY = "https://github.com/convex-replicate/convex-replicate/blob/main/";

describe.each(PAGES)("%s", (path) => {
  const page = text(path);

  it("opens and closes every block of code, with three backticks", () => {
    const { fences, isOpen } = fencesOf(page);
    expect(isOpen, "a block of code that does not end").toBe(false);
    fences.forEach((fence, index) => {
      const expected = index % 2 === 0 ? /^ *```[a-z]*$/ : /^ *```$/;
      expect(fence, `fence ${index + 1} of ${path}`).toMatch(expected);
    });
  });

  it("has a title, and no second one", () => {
    expect(fencesOf(page).prose.match(/^# /gm)).toHaveLength(1);
  });

  it("links to files and headings that exist", () => {
    for (const link of linksOf(page)) {
      const isAbsolute = link.startsWith(REPOSITORY);
      if (/^[a-z]+:/.test(link) && !isAbsolute) continue;
      const [file = "", anchor] = link.replace(REPOSITORY, "").split("#");
      const from = isAbsolute ? root : new URL(path, root);
      const target = file === "" ? path : new URL(file, from).pathname;
      const found = file === "" || existsSync(target);
      expect(found, `${path} links to ${link}`).toBe(true);
      if (anchor === undefined) continue;
      const linked = file === "" ? page : text(target);
      expect(anchorsOf(linked), `${path} links to ${link}`).toContain(anchor);
    }
  });
});

it("README.md has no relative link in the part that convex.dev shows", () => {
  const [, shown = ""] = /<!-- START([^]*)<!-- END/.exec(text("README.md")) ?? [];
  const relative = linksOf(shown).filter((link) => !/^(https:|#)/.test(link));
  expect({ relative, links: linksOf(shown).length > 0 }).toEqual({ relative: [], links: true });
});
