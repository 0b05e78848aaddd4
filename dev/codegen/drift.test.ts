import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { compareFolders } from "./drift.mjs";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "drift-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function compare(committed: Record<string, string>, generated: Record<string, string>) {
  const write = (root: string, files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) {
      const path = join(dir, root, "_generated", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  };
  write("committed", committed);
  write("generated", generated);
  return compareFolders(join(dir, "committed"), join(dir, "generated"), "_generated");
}

it("finds nothing when the files are the same", async () => {
  expect(await compare({ "api.ts": "same" }, { "api.ts": "same" })).toEqual([]);
});

it("names each file that differs, is missing or is left over", async () => {
  const drift = await compare(
    { "api.ts": "old", "stale.ts": "" },
    { "api.ts": "new", "server.ts": "" },
  );
  expect(drift).toEqual([
    "_generated/api.ts is out of date",
    "_generated/server.ts is missing",
    "_generated/stale.ts is not generated any more: delete it",
  ]);
});

it("names every file when nothing was committed", async () => {
  expect(await compare({}, { "api.ts": "", "server.ts": "" })).toHaveLength(2);
});
