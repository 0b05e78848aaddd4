// @ts-check
/** Makes one file of the simulator and the sources it runs, with bugs planted on request. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { SCALE } from "./scale.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a user imports comes from the sources here, so that bugs can be planted in them. */
const OWN = [
  { find: /^convex-replicate\/server$/, replacement: join(ROOT, "src/server/index.ts") },
  { find: /^convex-replicate\/fields$/, replacement: join(ROOT, "src/shared/fields.ts") },
];

/**
 * @typedef {object} Patch
 * @property {string} file below the repository's root
 * @property {string} find occurs in it exactly once
 * @property {string} replace
 */

/**
 * @param {string} name of the folder below `.cache/sim`
 * @param {readonly Patch[]} patches
 * @returns {Promise<string>} the worker's file
 */
export async function bundle(name, patches = []) {
  const outDir = join(ROOT, ".cache/sim", name);
  await build({
    root: ROOT,
    configFile: false,
    envDir: false,
    logLevel: "error",
    resolve: { alias: OWN },
    plugins: [planting([...SCALE, ...patches])],
    build: {
      ssr: join(ROOT, "test/sim/worker.ts"),
      outDir,
      emptyOutDir: true,
      minify: false,
      sourcemap: true,
      target: "node20",
      rolldownOptions: { output: { entryFileNames: "worker.js" } },
    },
  });
  return join(outDir, "worker.js");
}

/**
 * @param {readonly Patch[]} patches
 * @returns {import("vite").Plugin}
 */
function planting(patches) {
  return {
    name: "planted-bugs",
    enforce: "pre",
    transform(code, id) {
      const own = patches.filter(({ file }) => id === join(ROOT, file));
      return own.length > 0 ? { code: own.reduce(applyPatch, code), map: null } : undefined;
    },
  };
}

/**
 * @param {string} code
 * @param {Patch} patch
 * @returns {string}
 */
export function applyPatch(code, { file, find, replace }) {
  const found = code.split(find).length - 1;
  if (found === 1) return code.replace(find, () => replace);
  throw new Error(
    `A planted bug looks for what occurs ${found} times in ${file}, not once:\n${find}`,
  );
}

/** @param {Patch} patch */
export function checkPatch(patch) {
  applyPatch(readFileSync(join(ROOT, patch.file), "utf8"), patch);
}
