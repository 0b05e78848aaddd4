// @ts-check
/** Keeps `dist` in step with `src`. Imports nothing but Node's own modules. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Its age is that of the last build that succeeded: the compiler writes to `dist` in any case. */
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
  if (isFresh && existsSync(join(ROOT, "dist"))) return;
  log("Building the package…");
  const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", "build"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The build failed:\n${stdout}${stderr}`.trim());
  mkdirSync(dirname(BUILT_MARK), { recursive: true });
  writeFileSync(BUILT_MARK, "");
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
