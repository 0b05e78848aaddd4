// @ts-check
/** Generates the `_generated` folders, in the order in which they need one another. */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDeployment } from "./deployment.mjs";

const CONVEX_CLI = fileURLToPath(new URL("../../node_modules/convex/bin/main.js", import.meta.url));

/** The folders that {@link generate} writes. */
export const GENERATED = ["src/component/_generated", "example/convex/_generated"];

/**
 * Runs `convex codegen` for the component, then the build, because the example imports the built
 * package, then `convex codegen` for the example.
 *
 * @param {string} root this repository, or a copy of it
 * @param {(line: string) => void} [log]
 * @throws {Error} when one of the commands fails, with its output
 */
export async function generate(root, log = () => {}) {
  const scratchDir = join(root, ".cache"); // inside the repository, so that packages resolve
  await mkdir(scratchDir, { recursive: true });
  const deployment = await startDeployment(scratchDir);
  // Generated files are type-checked with everything else, by `npm run typecheck`.
  const codegen = [CONVEX_CLI, "codegen", "--typecheck", "disable"];
  codegen.push("--url", deployment.url, "--admin-key", "unused");
  try {
    log("Component…");
    await run(root, process.execPath, [...codegen, "--component-dir", "./src/component"]);
    log("Build…");
    await run(root, "npm", ["run", "build", "--silent"]);
    log("Example…");
    await run(root, process.execPath, codegen);
  } finally {
    await deployment.close();
  }
}

/**
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<void>}
 */
async function run(cwd, command, args) {
  const env = { ...process.env, CI: "1" }; // with CI set, the Convex CLI does not report to Sentry
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const collect = (/** @type {Buffer} */ chunk) => (output += chunk);
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`\`${[command, ...args].join(" ")}\` failed:\n${output.trim()}`);
}
