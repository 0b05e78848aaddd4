import { performance } from "node:perf_hooks";
import type { EngineContext } from "./context.js";
import { LimitError } from "./limits.js";

/** A top-level run as seen from its syscalls: when it may go on, and how long it has computed. */
export interface Run {
  /** What `Date.now()` is: queries and mutations see the time they began. */
  now(): number;
  /** Lets others go first, as the interleaving decides. */
  pause(): Promise<void> | null;
  /** Counts the time until the next syscall, and between syscalls, as the function's own. */
  whileComputing<T>(body: () => Promise<T>): Promise<T>;
  whileWaiting<T>(body: () => Promise<T>): Promise<T>;
}

export function newRun({ clock, interleaving, limits }: EngineContext, kind: RunKind): Run {
  const { pause } = interleaving.start();
  const began = clock.now();
  const now = kind === "action" ? () => clock.now() : () => began;
  if (kind === "action" || limits.userTimeMs === Infinity) {
    return { now, pause, whileComputing: (body) => body(), whileWaiting: (body) => body() };
  }
  return { now, pause, ...stopwatch(limits.userTimeMs) };
}

export type RunKind = "transaction" | "action";

function stopwatch(limitMs: number): Pick<Run, "whileComputing" | "whileWaiting"> {
  let spent = 0;
  let since: number | null = null;
  const stop = () => {
    if (since !== null) spent += performance.now() - since;
    since = null;
    if (spent > limitMs) {
      throw new LimitError(
        `Function execution timed out (maximum duration: ${limitMs} ms of computing).`,
      );
    }
  };
  const start = () => void (since ??= performance.now());
  return {
    whileComputing: async (body) => {
      start();
      const result = await body();
      stop();
      return result;
    },
    whileWaiting: async (body) => {
      stop();
      try {
        return await body();
      } finally {
        start();
      }
    },
  };
}
