import { realClock, type Clock } from "../engine/clock.js";

/** The machine's clock, or the fake one that a test has put in its place. */
export class CountingClock implements Clock {
  readonly #clock = realClock();
  #fired = 0;

  /** How often it has called back. */
  get fired(): number {
    return this.#fired;
  }

  now(): number {
    return this.#clock.now();
  }

  at(time: number, callback: () => void): () => void {
    return this.#clock.at(time, () => {
      this.#fired += 1;
      callback();
    });
  }
}
