import type { Environment } from "./platform/environment.js";

/** A collection becomes ready after this time at the latest, loaded or not, in ms (C8). */
const READY_LATEST_MS = 5_000;

/** How long a first connection may take before the client counts as offline, in ms. */
const CONNECT_GRACE_MS = 2_000;

/** What waits for time to pass after a session was opened. */
export class Readiness {
  readonly #environment: Environment;
  readonly #on: { ready(): void; graceOver(): unknown };
  #isReady = false;
  #graceOver = false;
  #cancelTimers: (() => void)[] = [];

  constructor(environment: Environment, on: { ready(): void; graceOver(): unknown }) {
    this.#environment = environment;
    this.#on = on;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether a connection that is still missing counts as missing. */
  get graceOver(): boolean {
    return this.#graceOver;
  }

  /** A session was opened. */
  begin() {
    this.stop();
    this.#isReady = false;
    this.#graceOver = false;
    this.#cancelTimers = [
      this.#environment.after(READY_LATEST_MS, () => this.mark()),
      this.#environment.after(CONNECT_GRACE_MS, () => {
        this.#graceOver = true;
        this.#on.graceOver();
      }),
    ];
  }

  /** There is something to show, or nothing to wait for; listeners are notified once. */
  mark() {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#on.ready();
  }

  stop() {
    for (const cancel of this.#cancelTimers) cancel();
  }
}
