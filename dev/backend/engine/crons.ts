import type { JSONValue } from "convex/values";
import { jsonToConvex } from "convex/values";
import { componentAt, type EngineContext } from "./context.js";
import { executions } from "./execution.js";
import { locate, type FunctionLocation } from "./function-address.js";

/** The default export of `crons.ts`, behind its published type. */
interface Crons {
  isCrons: true;
  crons: Record<string, { name: string; args: JSONValue[]; schedule: CronSchedule }>;
}

export type CronSchedule =
  | { type: "interval"; seconds?: number; minutes?: number; hours?: number }
  | { type: "hourly"; minuteUTC?: number }
  | { type: "daily"; hourUTC: number; minuteUTC?: number }
  | { type: "weekly"; dayOfWeek: string; hourUTC: number; minuteUTC?: number }
  | { type: "monthly"; day: number; hourUTC: number; minuteUTC?: number }
  | { type: "cron"; cron: string };

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** Runs the cron jobs of the app and its components, from `start` until `close`. */
export class CronJobs {
  #context: EngineContext;
  #onError: (path: string, error: unknown) => void;
  #timers = new Set<() => void>();

  constructor(context: EngineContext, onError: (path: string, error: unknown) => void) {
    this.#context = context;
    this.#onError = onError;
  }

  start(): void {
    for (const component of this.#context.components.values()) {
      const crons = component.defaultExport("crons");
      if (!isCrons(crons)) continue;
      for (const { name, args, schedule } of Object.values(crons.crons)) {
        const location = locate({ name }, component.path);
        // The first run of an interval is at once, as after a deployment.
        const now = this.#context.clock.now();
        const first = schedule.type === "interval" ? now : nextRun(schedule, now);
        this.#arm(first, location, args[0] ?? {}, schedule);
      }
    }
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #arm(time: number, location: FunctionLocation, args: JSONValue, schedule: CronSchedule): void {
    const cancel = executions.exit(() =>
      this.#context.clock.at(time, () => {
        this.#timers.delete(cancel);
        this.#arm(nextRun(schedule, time), location, args, schedule);
        void this.#run(location, args);
      }),
    );
    this.#timers.add(cancel);
  }

  async #run(location: FunctionLocation, args: JSONValue): Promise<void> {
    const { runner } = this.#context;
    const call = { location, args: jsonToConvex(args), identity: null };
    try {
      const kind = componentAt(this.#context, location.component).functions.get(
        location.path,
      )?.kind;
      if (kind === "action") await runner.action(call);
      else await runner.mutation(call);
    } catch (error) {
      this.#onError(location.path, error);
    }
  }
}

/** The first time after `after`, both in milliseconds since the epoch. */
export function nextRun(schedule: CronSchedule, after: number): number {
  if (schedule.type === "interval") {
    const { seconds = 0, minutes = 0, hours = 0 } = schedule;
    return after + seconds * SECOND_MS + minutes * MINUTE_MS + hours * HOUR_MS;
  }
  if (schedule.type === "cron") {
    throw new Error(
      `Cron expressions ("${schedule.cron}") are not supported by the embedded backend. Use crons.interval, hourly, daily, weekly or monthly.`,
    );
  }
  const minute = (schedule.minuteUTC ?? 0) * MINUTE_MS;
  if (schedule.type === "hourly") return nextMultiple(HOUR_MS, minute, after);
  const timeOfDay = schedule.hourUTC * HOUR_MS + minute;
  if (schedule.type === "daily") return nextMultiple(DAY_MS, timeOfDay, after);
  return nextDay(timeOfDay, after, (date) =>
    schedule.type === "weekly"
      ? date.getUTCDay() === DAYS.indexOf(schedule.dayOfWeek)
      : date.getUTCDate() === schedule.day,
  );
}

function nextMultiple(period: number, offset: number, after: number): number {
  return (Math.floor((after - offset) / period) + 1) * period + offset;
}

function nextDay(timeOfDay: number, after: number, fits: (date: Date) => boolean): number {
  let time = nextMultiple(DAY_MS, timeOfDay, after);
  while (!fits(new Date(time))) time += DAY_MS;
  return time;
}

function isCrons(value: unknown): value is Crons {
  return typeof value === "object" && value !== null && "isCrons" in value;
}
