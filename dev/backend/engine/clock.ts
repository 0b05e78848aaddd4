import { executions } from "./execution.js";

/** Where the engine's time comes from. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back at that time, or soon when it has passed. Returns how to take it back. */
  at(time: number, callback: () => void): () => void;
}

/** `setTimeout` fires at once for more than this. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's. */
export function realClock(): Clock {
  return {
    now: systemNow,
    at: (time, callback) => {
      let timer: NodeJS.Timeout;
      const wait = () => {
        const ms = time - systemNow();
        timer = setTimeout(ms > MAX_TIMEOUT_MS ? wait : callback, Math.min(ms, MAX_TIMEOUT_MS));
        // Waiting for a scheduled function is no reason to keep the process alive.
        timer.unref();
      };
      executions.exit(wait);
      return () => clearTimeout(timer);
    },
  };
}

/** Functions see another time, and no timers: this is how the engine gets at the machine's. */
function systemNow(): number {
  return executions.exit(() => Date.now());
}

/** Stands still until it is told to go on. */
export class VirtualClock implements Clock {
  #now: number;
  #waiting = new Set<{ time: number; callback: () => void }>();

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  at(time: number, callback: () => void): () => void {
    const entry = { time, callback };
    this.#waiting.add(entry);
    return () => void this.#waiting.delete(entry);
  }

  /** When the next callback is due. */
  get next(): number | null {
    return this.#first()?.time ?? null;
  }

  /**
   * Moves on, callback by callback in the order of their times. `settle` runs after each, so that
   * what it started is over before the time moves again.
   */
  async advanceTo(time: number, settle: () => Promise<void>): Promise<void> {
    for (;;) {
      const first = this.#first();
      if (first === undefined || first.time > time) break;
      this.#waiting.delete(first);
      this.#now = Math.max(this.#now, first.time);
      first.callback();
      await settle();
    }
    this.#now = Math.max(this.#now, time);
    await settle();
  }

  #first() {
    let first: { time: number; callback: () => void } | undefined;
    for (const entry of this.#waiting)
      if (first === undefined || entry.time < first.time) first = entry;
    return first;
  }
}

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.at(clock.now() + ms, resolve));
}
