import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ensureChromium, whyStale } from "./install.mjs";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "install-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

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

/** A machine on which `commands` are all there is. */
function machine(commands: Record<string, string>, { root }: { root: boolean }) {
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${script}`);
    chmodSync(join(dir, name), 0o755);
  }
  vi.stubEnv("PATH", dir);
  vi.stubEnv("CHROMIUM_PATH", "");
  vi.spyOn(process, "getuid").mockReturnValue(root ? 0 : 1000);
}

/** Does what `apt-get install chromium` does, with nothing but the shell's own commands. */
const installs = () =>
  `[ "$1" = update ] && exit; : > ${dir}/chromium; /bin/chmod +x ${dir}/chromium`;
const quiet = () => undefined;

const onLinux = it.runIf(process.platform === "linux");

it("takes the Chromium that is there, the named one first", () => {
  machine({ "google-chrome": "" }, { root: false });
  expect(ensureChromium(quiet)).toBe(join(dir, "google-chrome"));
  vi.stubEnv("CHROMIUM_PATH", "/mine/chrome");
  expect(ensureChromium(quiet)).toBe("/mine/chrome");
});

onLinux("installs Chromium through apt-get when it may", () => {
  machine({ "apt-get": installs() }, { root: true });
  expect(ensureChromium(quiet)).toBe(join(dir, "chromium"));
});

onLinux("says how to get Chromium when it may not install it", () => {
  machine({ "apt-get": installs() }, { root: false });
  expect(() => ensureChromium(quiet)).toThrow("sudo apt-get install chromium");
});

onLinux("passes on what apt-get said when it failed", () => {
  machine({ "apt-get": "echo 'no space left' >&2; exit 1" }, { root: true });
  expect(() => ensureChromium(quiet)).toThrow("no space left");
});
