// @ts-check
/** Compares the committed `_generated` folders with what would be generated now. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { GENERATED, generate } from "./generate.mjs";

/** All that codegen and the build read. */
const INPUTS = [
  "package.json",
  "convex.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "src",
  "dev/build.mjs",
  "example/convex",
];

/**
 * Generates in a copy, so that the repository stays as it is.
 *
 * @param {string} root
 * @returns {Promise<string[]>} a line for each file that is not what would be generated
 */
export async function findDrift(root) {
  const cache = join(root, ".cache"); // inside the repository, so that packages resolve
  await mkdir(cache, { recursive: true });
  const copy = await mkdtemp(join(cache, "codegen-"));
  try {
    for (const path of INPUTS) await cp(join(root, path), join(copy, path), { recursive: true });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
    for (const folder of GENERATED) await rm(join(copy, folder), { recursive: true, force: true });
    await generate(copy);
    const drift = [];
    for (const folder of GENERATED) drift.push(...(await compareFolders(root, copy, folder)));
    return drift;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/**
 * @param {string} committedRoot
 * @param {string} generatedRoot
 * @param {string} folder below both
 * @returns {Promise<string[]>}
 */
export async function compareFolders(committedRoot, generatedRoot, folder) {
  const committed = await readFolder(join(committedRoot, folder));
  const generated = await readFolder(join(generatedRoot, folder));
  const names = [...new Set([...committed.keys(), ...generated.keys()])].sort();
  return names.flatMap((name) => {
    const path = `${folder}/${name}`;
    if (!committed.has(name)) return [`${path} is missing`];
    if (!generated.has(name)) return [`${path} is not generated any more: delete it`];
    return committed.get(name) === generated.get(name) ? [] : [`${path} is out of date`];
  });
}

/**
 * @param {string} dir
 * @returns {Promise<Map<string, string>>} each file's text by its name
 */
async function readFolder(dir) {
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const name of await readdir(dir).catch(() => [])) {
    files.set(name, await readFile(join(dir, name), "utf8"));
  }
  return files;
}
