// @ts-check
/** Plants one bug after the other and runs schedules until one fails. */
import { bundle } from "../bundle.mjs";
import { runWorker } from "../workers.mjs";

/** @typedef {import("./table.mjs").PlantedBug} PlantedBug */

/** Share of the bugs that has to be found. */
const NEEDED = 0.95;

/**
 * @param {{ seed: number, schedules: number, processes: number, bugs: readonly PlantedBug[] }} options
 * `schedules` is how many a bug may survive
 * @returns {Promise<boolean>} whether enough of them were found
 */
export async function runPlanted({ seed, schedules, processes, bugs }) {
  const left = [...bugs];
  /** @type {Map<string, Awaited<ReturnType<typeof hunt>>>} */
  const found = new Map();
  const work = async () => {
    for (let bug = left.shift(); bug; bug = left.shift()) {
      const result = await hunt(bug, seed, schedules);
      found.set(bug.name, result);
      console.log(describe(bug, result));
    }
  };
  console.log("| planted bug | rule | what it does | found with seed | as |");
  console.log("| --- | --- | --- | --- | --- |");
  await Promise.all(Array.from({ length: processes }, work));
  const count = [...found.values()].filter((result) => result !== null).length;
  console.log(`${bugs.length} bugs planted, ${count} found within ${schedules} schedules each`);
  return count >= bugs.length * NEEDED;
}

/**
 * @param {PlantedBug} bug
 * @param {number} seed
 * @param {number} schedules
 */
async function hunt(bug, seed, schedules) {
  const file = await bundle(bug.name, bug.patches);
  const sources = await bundle(`sources-${bug.name}`);
  const to = seed + schedules - 1;
  for (let from = seed; from <= to;) {
    const failure = await firstFailure(file, bug, from, to);
    if (failure === null) return null;
    // What fails without the bug as well says nothing about it.
    if ((await firstFailure(sources, bug, failure.seed, failure.seed)) === null) return failure;
    from = failure.seed + 1;
  }
  return null;
}

/**
 * @param {string} file the bundled worker
 * @param {PlantedBug} bug
 * @param {number} from
 * @param {number} to
 */
async function firstFailure(file, { with: extra = [], often = [] }, from, to) {
  const job = { from, to, every: 1, extra, often, only: null };
  /** @type {{ seed: number, problem: string } | null} */
  let result = null;
  const rest = { verbose: false, stopAtFailure: true, shrink: false };
  await runWorker(file, { ...job, ...rest }, (report) => {
    if (report.problem !== null) result = { seed: report.seed, problem: report.problem };
  });
  return /** @type {{ seed: number, problem: string } | null} */ (result);
}

/**
 * @param {PlantedBug} bug
 * @param {Awaited<ReturnType<typeof hunt>>} result
 */
function describe({ name, rule, about }, result) {
  const problem = result?.problem.split("\n")[0]?.replaceAll("|", "\\|").slice(0, 80);
  return `| ${name} | ${rule} | ${about} | ${result?.seed ?? "not found"} | ${problem ?? ""} |`;
}
