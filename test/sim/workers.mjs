// @ts-check
/** Runs schedules in processes of their own, as many as there is room for. */
import { fork } from "node:child_process";

/** Most of what a schedule makes is garbage at once: rather collect it seldom. */
const NODE_OPTIONS = ["--enable-source-maps", "--max-semi-space-size=64"];

/**
 * @typedef {import("./worker.ts").Job} Job
 * @typedef {import("./worker.ts").Report} Report
 */

/**
 * Runs seeds over several processes.
 *
 * @param {string} file the bundled worker
 * @param {Omit<Job, "every">} job
 * @param {number} processes
 * @param {(report: Report) => void} onReport
 */
export async function runSeeds(file, job, processes, onReport) {
  const count = Math.min(processes, job.to - job.from + 1);
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      runWorker(file, { ...job, from: job.from + n, every: count }, onReport),
    ),
  );
}

/**
 * @param {string} file
 * @param {Job} job
 * @param {(report: Report) => void} onReport
 * @returns {Promise<void>}
 */
export function runWorker(file, job, onReport) {
  return new Promise((resolve, reject) => {
    const child = fork(file, [JSON.stringify(job)], { execArgv: NODE_OPTIONS });
    child.on("message", (message) => onReport(/** @type {Report} */ (message)));
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`A worker ended with code ${code}.`)),
    );
  });
}
