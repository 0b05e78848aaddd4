// @ts-check
/**
 * Keeps `dist` in step with `src`; run by itself it is `npm run build`. Imports nothing but Node's
 * own modules.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

/** Its age is that of the last build that succeeded. */
const BUILT_MARK = join(ROOT, ".cache/built");

/** Besides `src`, what the build depends on. */
const BUILD_FILES = ["package-lock.json", "tsconfig.json", "tsconfig.build.json"];

/**
 * Builds the package when `dist` is missing or older than its sources: the example uses the package
 * as an app would.
 *
 * @param {(line: string) => void} [log] told when there is something to build
 * @throws {Error} with the compiler's words when the build fails
 */
export function ensureBuilt(log = console.log) {
  const sources = [join(ROOT, "src"), ...BUILD_FILES.map((file) => join(ROOT, file))];
  const isFresh = newest(BUILT_MARK) > Math.max(...sources.map(newest));
  if (isFresh && existsSync(DIST)) return;
  log("Building the package…");
  build();
}

/**
 * Compiles `src` into a folder of its own, which then takes the place of `dist`: whoever runs from
 * `dist` meanwhile never finds half of it.
 *
 * @throws {Error} with the compiler's words when there are errors; `dist` then stays as it was
 */
function build() {
  // Beside `dist`, because source maps hold paths relative to where they are.
  const fresh = join(ROOT, `.dist-${process.pid}`);
  const old = `${fresh}-old`;
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const options = ["-p", "tsconfig.build.json", "--outDir", fresh];
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, ...options], {
      cwd: ROOT,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`The build failed:\n${stdout}${stderr}`.trim());
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(fresh, DIST);
    mkdirSync(dirname(BUILT_MARK), { recursive: true });
    writeFileSync(BUILT_MARK, "");
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * When the youngest file at or below `path` was changed; 0 when there is none.
 *
 * @param {string} path
 * @returns {number} milliseconds since the epoch
 */
function newest(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  try {
    build();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
