import { Run } from "./run.js";
import { STEPS, STRIKES, type Step, type StepName } from "./steps.js";
import { Dice } from "./world/dice.js";
import { SimServer } from "./world/server.js";
import { strayErrors } from "./world/stray-errors.js";
import { quiet, VirtualTime } from "./world/time.js";
import { NO_FAULTS, type FaultRates, type World } from "./world/world.js";

/** Short schedules run often, long ones get far. */
const STEPS_MIN = 6;
const STEPS_MAX = 40;

/** How often things go wrong by themselves, at most. */
const MAX_RATES: FaultRates = {
  lostRequest: 0.1,
  lostAnswer: 0.25,
  duplicate: 0.3,
  serverError: 0.1,
  storageFailure: 0.05,
  slowMessage: 0.3,
};

/** How many of the faults take part in one schedule: some are only found where others are not. */
const SHARE_OF_FAULTS = 0.6;

/** How much more often comes what a schedule is to have often. */
const OFTEN = 5;

/** Steps without which there is nothing to see. */
const ALWAYS: readonly StepName[] = ["edit", "wait"];

/** How long after a step nothing else happens, at most, in ms. */
const MAX_GAP_MS = 300;

export type Provocation = StepName | keyof FaultRates;

export type ScheduleOptions = {
  seed: number;
  /** Of the seed's steps, only those with these numbers; null for all. */
  only?: readonly number[] | null;
  /** Optional steps that may be done as well. */
  extra?: readonly StepName[];
  /** Steps that come more often than they otherwise do, and faults that happen as often as they may. */
  often?: readonly Provocation[];
  trace?: (line: string) => void;
};

export type ScheduleResult = {
  /** What went wrong, or null. */
  problem: string | null;
  /** Numbers of the steps that were done. */
  steps: number[];
  writes: number;
  /** How long it took after the last fault until everything had arrived, in ms. */
  healedAfter: number;
};

/** The steps that a seed stands for, and what goes wrong by itself meanwhile. */
function planOf(dice: Dice, extra: readonly StepName[], often: readonly Provocation[]) {
  const names = Object.keys(STEPS) as StepName[];
  const steps: Record<StepName, Step> = STEPS;
  const weights = Object.fromEntries(
    names.map((name) => {
      const isOften = often.includes(name);
      const takesPart = dice.chance(SHARE_OF_FAULTS) || ALWAYS.includes(name) || isOften;
      const isAllowed = !steps[name].isOptional || extra.includes(name);
      const weight = steps[name].weight * (isOften ? OFTEN : 1);
      return [name, takesPart && isAllowed ? weight : 0];
    }),
  ) as Record<StepName, number>;
  const faults = { ...NO_FAULTS };
  for (const name of Object.keys(faults) as (keyof FaultRates)[]) {
    if (dice.chance(SHARE_OF_FAULTS)) faults[name] = dice.random() * MAX_RATES[name];
    if (often.includes(name)) faults[name] = MAX_RATES[name];
  }
  const length = Math.floor(dice.between(STEPS_MIN, STEPS_MAX));
  return {
    names: Array.from({ length }, () => dice.weighted(weights)),
    strikes: STRIKES.filter((strike) => weights[strike] > 0),
    faults,
  };
}

/** Runs one random schedule; the options decide everything in it. */
export async function runSchedule(options: ScheduleOptions): Promise<ScheduleResult> {
  const { seed, only = null, extra = [], often = [], trace = null } = options;
  const dice = new Dice(seed);
  const plan = planOf(dice, extra, often);
  const time = new VirtualTime();
  time.trace = trace;
  const server = await SimServer.start(time, dice);
  const world: World = { time, dice, server, faults: plan.faults, lastDuplicate: 0 };
  const steps = plan.names.map((_, number) => number).filter((n) => only?.includes(n) ?? true);
  strayErrors.splice(0);
  try {
    const run = new Run(world, plan.strikes);
    for (const number of steps) {
      dice.reseed(seed, number);
      const name = plan.names[number]!;
      time.note(() => `step ${number}: ${name}`);
      await STEPS[name].run(run);
      await quiet();
      await time.advance(dice.between(0, MAX_GAP_MS));
      run.listen();
      if (run.problem) break;
    }
    dice.reseed(seed, plan.names.length);
    if (!run.problem) await run.heal();
    if (!run.problem) await run.check();
    const stray = strayErrors[0] && `an error that nobody handles: ${strayErrors[0].stack}`;
    const { problem, healedAfter, ledger } = run;
    return { problem: problem ?? stray ?? null, steps, writes: ledger.writes.length, healedAfter };
  } finally {
    await server.close();
  }
}
