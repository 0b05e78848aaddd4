// @ts-check
/** What each entry adds to an app's bundle, its peer dependencies not counted. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT } from "./command.mjs";

/** The most that each entry may weigh, in bytes after minifying and gzip. */
const BUDGETS = {
  "./client": 37_500,
  "./react": 1_000,
  "./fields": 2_000,
  "./server": 17_000,
};

/** @typedef {{ entry: string, minified: number, gzipped: number, budget: number }} Size all in bytes */

/** @returns {Promise<import("./runner.mjs").Result>} */
export async function checkSizes() {
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const external = Object.keys(manifest.peerDependencies);
  const sizes = [];
  for (const [entry, budget] of Object.entries(BUDGETS)) {
    const code = await bundle(join(ROOT, manifest.exports[entry].default), external);
    sizes.push({ entry, minified: code.length, gzipped: gzipSync(code).length, budget });
  }
  return judgeSizes(sizes);
}

/**
 * @param {Size[]} sizes
 * @returns {import("./runner.mjs").Result}
 */
export function judgeSizes(sizes) {
  const rows = sizes.map(({ entry, minified, gzipped, budget }) => {
    const verdict = gzipped > budget ? "  over budget" : "";
    return [entry, kB(minified), kB(gzipped), kB(budget) + verdict];
  });
  return {
    ok: sizes.every(({ gzipped, budget }) => gzipped <= budget),
    detail: "without peer dependencies",
    output: table([["entry", "minified", "gzip", "budget"], ...rows]),
    report: true,
  };
}

/**
 * @param {string} file
 * @param {string[]} external
 * @returns {Promise<Uint8Array>} the minified code
 */
async function bundle(file, external) {
  const { build } = await import("esbuild"); // not there before packages are installed
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    external,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${file}.`);
  return output.contents;
}

/** @param {number} bytes */
function kB(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** @param {string[][]} rows */
function table(rows) {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  const line = (/** @type {string[]} */ row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0));
  return rows.map((row) => line(row).join("  ").trimEnd()).join("\n");
}
