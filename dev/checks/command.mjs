// @ts-check
/** Commands of this repository, run with their output kept for the case that they fail. */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Scratch files of the checks; git and the tools ignore it. */
export const CACHE = join(ROOT, ".cache");

const BIN = join(ROOT, "node_modules/.bin");

/**
 * Runs a command, one of the installed packages' or another, in the repository.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ ok: boolean, output: string, stdout: string }>} `output` with standard error in it
 */
export async function run(command, args) {
  const path = `${BIN}${delimiter}${process.env.PATH}`;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let output = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { ok: code === 0, output, stdout };
}

/**
 * Runs several commands and passes when all do.
 *
 * @param {[command: string, ...args: string[]][]} commands
 * @returns {Promise<import("./runner.mjs").Result>}
 */
export async function runAll(commands) {
  const failures = [];
  for (const [command, ...args] of commands) {
    const { ok, output } = await run(command, args);
    if (!ok) failures.push(`${[command, ...args].join(" ")}\n${output.trim()}`);
  }
  return { ok: failures.length === 0, output: failures.join("\n\n") };
}
