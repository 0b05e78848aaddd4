import type { Clock } from "../../dev/backend/engine/clock.js";

/** Backoffs are over at once; what was asked for first comes first. */
export function impatientClock(): Clock {
  return {
    now: () => Date.now(),
    at: (_time, callback) => {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    },
  };
}
