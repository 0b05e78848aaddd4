import { realClock, type Clock } from "../engine/clock.js";

/** The machine's clock, or vitest's fake one, which tells how much waits for it. */
export class WatchedClock implements Clock {
  readonly #clock = realClock();
  #waiting = 0;
  #fired = 0;

  get waiting(): number {
    return this.#waiting;
  }

  /** How many callbacks there were so far. */
  get fired(): number {
    return this.#fired;
  }

  now(): number {
    return this.#clock.now();
  }

  at(time: number, callback: () => void): () => void {
    let isWaiting = true;
    const stopWaiting = () => {
      if (isWaiting) this.#waiting -= 1;
      isWaiting = false;
    };
    this.#waiting += 1;
    const cancel = this.#clock.at(time, () => {
      stopWaiting();
      this.#fired += 1;
      callback();
    });
    return () => {
      stopWaiting();
      cancel();
    };
  }
}
