import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = new URL("../../", import.meta.url);

export const text = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), "utf8");

/** Files below a folder, by their paths from the root. */
export function filesIn(folder: string, extension: string): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(extension))
    .map((file) => `${folder}/${file.replaceAll("\\", "/")}`);
}

/** All pages of the documentation. */
export const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "dev/README.md",
  "dev/backend/engine/README.md",
  "example/README.md",
  "test/sim/README.md",
  ...filesIn("docs", ".md"),
];

const FENCE = /^\s*(`{3,}|~{3,})(.*)$/;

/** Lines that open or close a block of code, and the page without these blocks. */
export function fencesOf(page: string): { fences: string[]; prose: string; isOpen: boolean } {
  const fences: string[] = [];
  const prose: string[] = [];
  let isOpen = false;
  for (const line of page.split("\n")) {
    if (FENCE.test(line)) {
      fences.push(line);
      isOpen = !isOpen;
    } else if (!isOpen) prose.push(line);
  }
  return { fences, prose: prose.join("\n"), isOpen };
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return Array.from(fencesOf(page).prose.matchAll(/^#{1,6} +(.+?) *$/gm), ([, title = ""]) => {
    const slug = title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** Where the links of a page lead, code left out; the label of one that is defined nowhere. */
export function linksOf(page: string): string[] {
  const prose = fencesOf(page).prose.replace(/`[^`\n]*`/g, (code) => "x".repeat(code.length));
  const definitions = new Map(
    Array.from(prose.matchAll(/^\[([^\]]+)\]: (\S+)$/gm), ([, label = "", to = ""]) => [label, to]),
  );
  const inline = Array.from(prose.matchAll(/\]\(\s*([^)\s]+)\s*\)/g), ([, to = ""]) => to);
  const references = prose.matchAll(/\]\[\s*([^\]]+?)\s*\]/g);
  const labels = Array.from(references, ([, label = ""]) => label.replace(/\s+/g, " "));
  return [...inline, ...labels.map((label) => definitions.get(label) ?? label)];
}
