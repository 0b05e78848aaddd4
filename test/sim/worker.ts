import {
  runSchedule,
  type Provocation,
  type ScheduleOptions,
  type ScheduleResult,
} from "./schedule.js";
import { shrink } from "./shrink.js";
import type { StepName } from "./steps.js";
import { installDigest } from "./world/digest.js";
import { collectStrayErrors } from "./world/stray-errors.js";

/** What this process is to do; the only argument, as JSON. */
export type Job = {
  /** Seeds from the first to the last, this one and every so many after it. */
  from: number;
  to: number;
  every: number;
  extra: StepName[];
  often: Provocation[];
  only: number[] | null;
  /** Print what happens. */
  verbose: boolean;
  stopAtFailure: boolean;
  /** Find out which steps of a failing seed are enough for it. */
  shrink: boolean;
};

/** What this process tells its parent after each schedule. */
export type Report = {
  seed: number;
  problem: string | null;
  /** Of a failure, the steps that are enough for it. */
  steps: number[] | null;
  writes: number;
  healedAfter: number;
  /** Processor time that this process has used so far, in ms. */
  cpuMs: number;
};

/** Failures that are made smaller, which takes a while; more of them help nobody. */
const MAX_SHRUNK = 3;

const {
  from,
  to,
  every,
  extra,
  often,
  only,
  verbose,
  stopAtFailure,
  shrink: shrinks,
} = JSON.parse(process.argv[2]!) as Job;

async function main() {
  process.on("disconnect", () => process.exit()); // nobody waits for what is left
  collectStrayErrors();
  installDigest();
  let failures = 0;
  for (let seed = from; seed <= to; seed += every) {
    const trace = verbose ? (line: string) => console.log(line) : undefined;
    const { problem, steps, writes, healedAfter } = await attempt({
      seed,
      only,
      extra,
      often,
      trace,
    });
    failures += problem === null ? 0 : 1;
    const isShrunk = problem !== null && shrinks && steps.length > 0 && failures <= MAX_SHRUNK;
    const enough = isShrunk
      ? await shrink(steps, async (some) =>
          isSame(problem, (await attempt({ seed, only: some, extra, often })).problem),
        )
      : null;
    process.send!({
      seed,
      problem,
      steps: enough,
      writes,
      healedAfter,
      cpuMs: cpuMs(),
    } satisfies Report);
    if (problem !== null && stopAtFailure) break;
  }
  process.disconnect();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A simulator that breaks is a failure, too. */
async function attempt(options: ScheduleOptions): Promise<ScheduleResult> {
  try {
    return await runSchedule(options);
  } catch (error) {
    const problem = `the simulator broke: ${(error as Error).stack}`;
    return { problem, steps: [], writes: 0, healedAfter: 0 };
  }
}

/** Names of documents and pages differ between runs of different lengths. */
function isSame(a: string, b: string | null): boolean {
  const kind = (text: string) => text.replace(/(device )?[\dm.]+/g, "").slice(0, 20);
  return b !== null && kind(a) === kind(b);
}

void main();
