import { performance } from "node:perf_hooks";
import type { EngineContext } from "./context.js";
import { LimitError } from "./limits.js";

/** A top-level run as seen from its syscalls: when it may go on, and how long it has computed. */
export interface Run {
  /** Lets others go first, as the interleaving decides. */
  pause(): Promise<void>;
  /** Counts the time until the next syscall, and between syscalls, as the function's own. */
  whileComputing<T>(body: () => Promise<T>): Promise<T>;
  whileWaiting<T>(body: () => Promise<T>): Promise<T>;
}

export function newRun({ interleaving, limits }: EngineContext): Run {
  const { pause } = interleaving.start();
  if (limits.userTimeMs === Infinity) {
    return { pause, whileComputing: (body) => body(), whileWaiting: (body) => body() };
  }
  return { pause, ...stopwatch(limits.userTimeMs) };
}

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
