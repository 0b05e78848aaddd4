// @ts-check
/**
 * `npm test`: everything that is checked before a change goes in. Needs nothing but Node and git: it
 * installs what is missing first. Its last line is always `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { runSteps, selectSteps } from "./checks/runner.mjs";
import { STEPS } from "./checks/steps.mjs";
import { ensureInstalled } from "./install.mjs";

/** Exit codes: every step passed, or some step failed, or the command line made no sense. */
const EXIT = { passed: 0, failed: 1, usage: 2 };

function usage() {
  const width = Math.max(...STEPS.map(({ name }) => name.length));
  const steps = STEPS.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
  return [
    "Usage: npm test [-- <step>…]",
    "",
    "Runs every step, or those named with the steps they need:",
    "",
    ...steps,
  ].join("\n");
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(usage());
    return EXIT.passed;
  }
  const steps = selectSteps(STEPS, positionals);
  const { passed, failed } = await installAndRun(steps);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? EXIT.passed : EXIT.failed;
}

/** @param {import("./checks/runner.mjs").Step[]} steps */
async function installAndRun(steps) {
  try {
    ensureInstalled();
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return { passed: 0, failed: steps.length };
  }
  return runSteps(steps, console.log);
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    console.error(error.message);
    process.exitCode = EXIT.usage;
  },
);
