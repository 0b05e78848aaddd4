import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { whyStale } from "./install.mjs";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "install-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const ROOT_ENTRY = { "": { version: "1.0.0" } };

function stale(wanted: object, installed: object | null): string | null {
  const lockfile = join(dir, "package-lock.json");
  writeFileSync(lockfile, JSON.stringify({ packages: { ...ROOT_ENTRY, ...wanted } }));
  const modules = join(dir, "node_modules");
  if (installed !== null) {
    mkdirSync(modules);
    writeFileSync(join(modules, ".package-lock.json"), JSON.stringify({ packages: installed }));
  }
  return whyStale(lockfile, modules);
}

it("installs where there is nothing", () => {
  expect(stale({}, null)).toBe("there are none yet");
});

it("installs nothing when all is there", () => {
  const packages = { "node_modules/yjs": { version: "13.6.0" } };
  expect(stale(packages, packages)).toBeNull();
});

it("installs when a version is another than the lockfile's", () => {
  const wanted = { "node_modules/yjs": { version: "13.6.1" } };
  expect(stale(wanted, { "node_modules/yjs": { version: "13.6.0" } })).toMatch("yjs is not 13.6.1");
});

it("installs when a package is missing", () => {
  expect(stale({ "node_modules/yjs": { version: "13.6.1" } }, {})).toMatch("yjs");
});

it("lets another platform's package be missing", () => {
  const wanted = { "node_modules/fsevents": { version: "2.0.0", optional: true } };
  expect(stale(wanted, {})).toBeNull();
});

it("leaves alone what a developer added", () => {
  expect(stale({}, { "node_modules/extra": { version: "1.0.0" } })).toBeNull();
});
