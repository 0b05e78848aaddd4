// @ts-check
/** Runs one project of vitest.config.ts and counts its tests. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { CACHE, run } from "./command.mjs";

/**
 * @typedef {object} Report the part of vitest's JSON report that is read here
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests skipped ones
 * @property {number} numTodoTests
 */

/**
 * @param {string} project
 * @returns {Promise<import("./runner.mjs").Result>}
 */
export async function runTests(project) {
  const reportFile = join(CACHE, `tests-${project}.json`);
  await rm(reportFile, { force: true });
  // Other steps run at the same time.
  const args = ["run", "--project", project, "--maxWorkers=50%"];
  args.push("--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`);
  const { ok, output } = await run("vitest", args);
  // Without test files, or when its configuration is broken, vitest writes no report and fails.
  const text = await readFile(reportFile, "utf8").catch(() => null);
  if (text === null) return { ok: false, output };
  return { ok, output, ...summarize(JSON.parse(text)) };
}

/**
 * @param {Report} report
 * @returns {Pick<import("./runner.mjs").Result, "detail" | "tests">}
 */
export function summarize(report) {
  const passed = report.numPassedTests;
  const failed = report.numFailedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return { detail: parts.join(", "), tests: { passed, failed } };
}
