import type { ReplicateError } from "../shared/errors.js";
import { backoffMs } from "./platform/backoff.js";
import type { Environment } from "./platform/environment.js";
import type { Loss } from "./store/open-storage.js";

/** Two ends of sessions that are further apart than this, in ms, have nothing to do with each other. */
const APART_MS = 60_000;

/** The shortest pause, in ms: whatever ends sessions as soon as they begin must not keep a page busy. */
const LEAST_PAUSE_MS = 250;

/** Remembers why sessions had to end before their time, for those that follow. */
export class Restarts {
  readonly #environment: Environment;
  #last = -Infinity;
  /** How many there were in a row. */
  #count = 0;
  #loss: Loss | null = null;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** A session has ended, and another one follows: the first time at once. */
  note(error: ReplicateError) {
    const now = this.#environment.elapsed();
    this.#count = now - this.#last < APART_MS ? this.#count + 1 : 0;
    this.#last = now;
    const wait = LEAST_PAUSE_MS + backoffMs(this.#count, this.#environment);
    if (!isForEver(this.#loss)) this.#loss = { error, pauseMs: this.#count > 0 ? wait : 0 };
  }

  /** What the next session has to know. */
  take(): Loss | null {
    const loss = this.#loss;
    if (!isForEver(loss)) this.#loss = null;
    return loss;
  }
}

/** What a newer version has written, this page will never be able to read. */
function isForEver(loss: Loss | null): boolean {
  return loss?.error.code === "NEWER_DATA";
}
