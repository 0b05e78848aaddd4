// @ts-check
/** Looks at the package as it would be published. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { CACHE, run, runAll } from "./command.mjs";

const ALWAYS = ["LICENSE", "README.md", "package.json"];

/** Source files that are published and not built: `convex-replicate/test` is TypeScript on purpose. */
const NOT_BUILT = ["src/test.ts"];

/** What the build makes of one source file. */
const BUILT_EXTENSIONS = [".js", ".js.map", ".d.ts", ".d.ts.map"];

/**
 * Packs the package, as built already, and checks what it holds and how its entries resolve.
 *
 * @returns {Promise<import("./runner.mjs").Result>}
 */
export async function checkPackage() {
  await mkdir(CACHE, { recursive: true });
  const dir = await mkdtemp(join(CACHE, "pack-"));
  try {
    const pack = await run("npm", [
      "pack",
      "--json",
      "--ignore-scripts",
      "--pack-destination",
      dir,
    ]);
    if (!pack.ok) return { ok: false, output: pack.output };
    const [{ filename, files, size }] = JSON.parse(pack.stdout);
    const tarball = join(dir, filename);
    const wrong = wrongContents(files.map((/** @type {{ path: string }} */ file) => file.path));
    const tools = await runAll([
      ["publint", "run", tarball, "--strict"],
      // The package is ESM only. Type packages on the registry have nothing to do with it.
      ["attw", tarball, "--profile", "esm-only", "--no-definitely-typed", "--format", "ascii"],
    ]);
    return {
      ok: wrong.length === 0 && tools.ok,
      detail: `${files.length} files, ${Math.ceil(size / 1000)} kB`,
      output: [...wrong, tools.output].join("\n"),
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * What is wrong with the packed files: a package holds its sources without tests, what was built
 * from each of them, and the three files every package has.
 *
 * @param {string[]} files
 * @returns {string[]} a line for each problem
 */
export function wrongContents(files) {
  const sources = files.filter((file) => file.startsWith("src/"));
  const expected = new Set([...ALWAYS, ...sources.flatMap(withBuilt)]);
  const packed = new Set(files);
  const missing = [...expected].filter((file) => !packed.has(file));
  const extra = files.filter((file) => !expected.has(file) || /\.test\./.test(file));
  return [
    ...missing.map((file) => `${file} is not in the package.`),
    ...extra.map((file) => `${file} should not be in the package.`),
  ];
}

/**
 * A source file and what is built from it.
 *
 * @param {string} source
 * @returns {string[]}
 */
function withBuilt(source) {
  if (NOT_BUILT.includes(source)) return [source];
  const built = source.replace(/^src\//, "dist/").replace(/\.tsx?$/, "");
  return [source, ...BUILT_EXTENSIONS.map((extension) => `${built}${extension}`)];
}
