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
