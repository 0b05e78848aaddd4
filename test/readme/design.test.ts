import { expect, it } from "vitest";
import { filesIn, text } from "./markdown.js";

/** The rows of the map of `src/client` in docs/design.md: the modules of each folder. */
const map = new Map(
  Array.from(
    text("docs/design.md").matchAll(
      /^\| (`[a-z-]+`|\(top level\)) +\| ((?:`[a-z-]+`(?:, )?)+) +\|/gm,
    ),
    ([, folder = "", files = ""]) => [
      folder === "(top level)" ? "" : folder.replaceAll("`", ""),
      Array.from(files.matchAll(/`([a-z-]+)`/g), ([, file = ""]) => file).sort(),
    ],
  ),
);

const modules = new Map<string, string[]>();
for (const path of filesIn("src/client", ".ts")) {
  const [, folder = "", file = ""] = /^src\/client\/(?:(.+)\/)?([^/]+)\.ts$/.exec(path) ?? [];
  // What a folder exports is not a module of its own.
  if (file.endsWith(".test") || (folder === "" && file === "index")) continue;
  modules.set(folder, [...(modules.get(folder) ?? []), file].sort());
}

it("docs/design.md has a row for every folder of src/client", () => {
  expect([...map.keys()].sort()).toEqual([...modules.keys()].sort());
});

it.each([...modules])(
  "its row names every module of src/client/%s, and no other",
  (folder, files) => {
    expect(map.get(folder)).toEqual(files);
  },
);

it.each([
  ["src/component", "What the files of `src/component` do:", "And those of `src/server`:"],
  ["src/server", "And those of `src/server`:", "### A push"],
])("its table of %s names every module, and no other", (folder, from, to) => {
  const design = text("docs/design.md");
  const table = design.slice(design.indexOf(from), design.indexOf(to));
  const named = Array.from(table.matchAll(/^\| (`.*`) +\|/gm), ([, files = ""]) =>
    files.split(", ").map((file) => file.replaceAll("`", "")),
  ).flat();
  const modules = filesIn(folder, ".ts")
    .map((path) => path.slice(folder.length + 1, -".ts".length))
    .filter((name) => !/\.test$|^_generated|^index$|^convex\.config$/.test(name));
  expect(named.sort()).toEqual(modules.sort());
});
