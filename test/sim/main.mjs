// @ts-check
/**
 * `npm run sim`: the real client and server through random schedules of faults. Its last line counts
 * what was run; the exit code says whether all of it held.
 */
import { parseArgs } from "node:util";
import { bundle } from "./bundle.mjs";
import { runPlanted } from "./planted/run.mjs";
import { PLANTED } from "./planted/table.mjs";
import { runSeeds } from "./workers.mjs";

const EXIT = { held: 0, failed: 1, usage: 2 };

/** Failures that are told of; the rest is counted. */
const MAX_TOLD = 10;

const USAGE = `Usage: npm run sim -- [options]

  --schedules N    how many random schedules; 1000, or 2000 for each planted bug
  --seed S         the seed of the first; 1
  --steps 3,7,12   of a seed's steps, only these
  --with a,b       also these steps, which are not done by default: rollBack, clone
  --often a,b      these steps and faults more often
  --verbose        print what happens, in one process
  --processes N    2
  --planted [name] plant each of our known bugs, or one, and see whether it is found
  --stop           stop at the first failure`;

const OPTIONS = /** @type {const} */ ({
  schedules: { type: "string" },
  seed: { type: "string", default: "1" },
  steps: { type: "string" },
  with: { type: "string", default: "" },
  often: { type: "string", default: "" },
  verbose: { type: "boolean", default: false },
  processes: { type: "string", default: "2" },
  planted: { type: "boolean", default: false },
  stop: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
});

/** @param {string} text @param {string} name */
function positive(text, name) {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} has to be a whole number above 0, not ${JSON.stringify(text)}.`);
}

/** @param {string | undefined} text */
function list(text) {
  return text ? text.split(",").filter(Boolean) : [];
}

function readOptions() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const bugs = PLANTED.filter(({ name }) => positionals.includes(name));
  if (positionals.length > bugs.length || (bugs.length > 0 && !values.planted)) {
    throw new Error(`Nothing is known of ${positionals.join(", ")}.\n\n${USAGE}`);
  }
  const [bug] = bugs.length === 1 ? bugs : [];
  return {
    schedules: positive(values.schedules ?? (values.planted ? "2000" : "1000"), "schedules"),
    seed: positive(values.seed, "seed"),
    steps: values.steps === undefined ? null : list(values.steps).map(Number),
    extra: /** @type {import("./steps.ts").StepName[]} */ ([
      ...list(values.with),
      ...(bug?.with ?? []),
    ]),
    often: [
      .../** @type {import("./schedule.ts").Provocation[]} */ (list(values.often)),
      ...(bug?.often ?? []),
    ],
    verbose: values.verbose,
    processes: values.verbose ? 1 : positive(values.processes, "processes"),
    planted: values.planted,
    bugs: bugs.length > 0 ? bugs : PLANTED,
    isSingle: bugs.length === 1,
    stop: values.stop,
    help: values.help,
  };
}

/** @typedef {ReturnType<typeof readOptions>} Options */

async function main() {
  const options = readOptions();
  if (options.help) {
    console.log(USAGE);
    return EXIT.held;
  }
  if (options.planted && !options.isSingle)
    return (await runPlanted(options)) ? EXIT.held : EXIT.failed;
  return (await runSchedules(options)) ? EXIT.held : EXIT.failed;
}

/**
 * @param {Options} options
 * @returns {Promise<boolean>} whether all of them held
 */
async function runSchedules(options) {
  const { seed, schedules, steps, extra, often, verbose, stop, processes } = options;
  const bug = options.planted ? options.bugs[0] : undefined;
  const file = await bundle(bug?.name ?? "sources", bug?.patches ?? []);
  const began = performance.now();
  let [done, failures, writes, slowest] = [0, 0, 0, 0];
  /** @type {Map<number, number>} */
  const cpuMs = new Map();
  const job = { from: seed, to: seed + schedules - 1, extra, often, only: steps, verbose };
  await runSeeds(
    file,
    { ...job, stopAtFailure: stop, shrink: steps === null },
    processes,
    (report) => {
      done += 1;
      cpuMs.set(report.seed % processes, report.cpuMs);
      writes += report.writes;
      slowest = Math.max(slowest, report.healedAfter);
      if (report.problem === null) return;
      failures += 1;
      if (failures === MAX_TOLD) console.log("Further failures are only counted.");
      if (failures >= MAX_TOLD) return;
      console.log(`seed ${report.seed}: ${report.problem}\n  ${replayCommand(options, report)}`);
    },
  );
  const rate = (/** @type {number} */ ms) => (done / (ms / 1000)).toFixed(1);
  const cpu = [...cpuMs.values()].reduce((sum, ms) => sum + ms, 0);
  console.log(
    `${done} schedules, ${failures} failed, ${writes} writes, slowest recovery ${Math.round(slowest / 1000)} s, ` +
      `${rate(performance.now() - began)} schedules/s, ${rate(cpu)} per second of processor time`,
  );
  return failures === 0;
}

/**
 * @param {Options} options
 * @param {import("./worker.ts").Report} report
 */
function replayCommand({ planted, bugs, extra, often, steps }, report) {
  const only = report.steps ?? steps;
  return [
    `npm run sim -- --seed ${report.seed} --schedules 1 --verbose`,
    ...(only ? [`--steps ${only.join() || '""'}`] : []),
    ...(extra.length > 0 ? [`--with ${extra.join()}`] : []),
    ...(often.length > 0 ? [`--often ${often.join()}`] : []),
    ...(planted ? [`--planted ${bugs[0]?.name}`] : []),
  ].join(" ");
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    console.error(error.message);
    process.exitCode = EXIT.usage;
  },
);
