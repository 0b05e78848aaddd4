// @ts-check
/**
 * Installs what a fresh machine lacks, for `npm start` and `npm test` alike. Imports nothing but
 * Node's own modules, because it runs before there is a `node_modules`.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CHROMIUM_APPS = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/**
 * Runs `npm ci` when `node_modules` is missing or does not hold what `package-lock.json` names.
 *
 * @param {(line: string) => void} [log] told what is being installed, and nothing when nothing is
 * @throws {Error} when npm fails
 */
export function ensureInstalled(log = console.log) {
  const reason = whyStale(join(ROOT, "package-lock.json"), join(ROOT, "node_modules"));
  if (reason === null) return;
  log(`Installing packages (${reason})…`);
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/**
 * The path of a Chromium or Chrome, installed through apt-get first when there is none and this
 * process may do so.
 *
 * @param {(line: string) => void} [log]
 * @returns {string}
 * @throws {Error} when there is none and it cannot be installed, saying what to do
 */
export function ensureChromium(log = console.log) {
  const found = findChromium();
  if (found !== null) return found;
  if (process.getuid?.() !== 0 || findOnPath("apt-get") === null) {
    throw new Error(
      "The browser tests need Chromium, and none was found. Install it (on Debian: " +
        "`sudo apt-get install chromium`) or name one in CHROMIUM_PATH.",
    );
  }
  log("Installing Chromium (apt-get)…");
  run("apt-get", ["update", "-qq"]);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
  const installed = findChromium();
  if (installed === null) throw new Error("apt-get installed chromium, but it is not on the PATH.");
  return installed;
}

/**
 * The path of an installed Chromium or Chrome (`CHROMIUM_PATH` wins), or `null`.
 *
 * @returns {string | null}
 */
export function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named) return named;
  for (const name of CHROMIUM_NAMES) {
    const path = findOnPath(name);
    if (path !== null) return path;
  }
  return CHROMIUM_APPS.find((path) => existsSync(path)) ?? null;
}

/**
 * Why the installed packages are not those of the lockfile, or `null` when they are. It reads the
 * lockfile that npm leaves inside `node_modules`, so that a developer's own `npm install` counts.
 *
 * @param {string} lockfile
 * @param {string} modulesDir
 * @returns {string | null}
 */
export function whyStale(lockfile, modulesDir) {
  const installedLockfile = join(modulesDir, ".package-lock.json");
  if (!existsSync(installedLockfile)) return "there are none yet";
  const wanted = readPackages(lockfile);
  const installed = readPackages(installedLockfile);
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue; // this package itself
    const have = installed[path];
    const mayBeAbsent = entry.optional || entry.devOptional; // another platform's binary, say
    if (have === undefined && mayBeAbsent) continue;
    if (have?.version !== entry.version) return `${path} is not ${entry.version}`;
  }
  return null;
}

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockEntry
 * @param {string} lockfile
 * @returns {Record<string, LockEntry>}
 */
function readPackages(lockfile) {
  return JSON.parse(readFileSync(lockfile, "utf8")).packages;
}

/**
 * @param {string} name
 * @returns {string | null}
 */
function findOnPath(name) {
  for (const dir of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here: look in the next folder
    }
  }
  return null;
}

/**
 * Runs a command in the repository with its output kept back, and shows it only when it fails.
 *
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync(command, args, { cwd: ROOT, encoding: "utf8", env });
  if (result.status === 0) return;
  const output = result.error ? result.error.message : `${result.stdout}${result.stderr}`;
  throw new Error(`\`${command} ${args.join(" ")}\` failed:\n${output.trim()}`);
}
