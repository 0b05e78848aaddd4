import { sleep, type Environment } from "./environment.js";
import type { OutboxRecord } from "./records.js";
import { backoffMs } from "./sync/backoff.js";

/**
 * Brings local changes to disk in the order they were made, and keeps trying while storage fails:
 * a change is only pushed, and only shown to other tabs, once it is there (C3).
 */
export class Saver {
  readonly #environment: Environment;
  readonly #store: (records: readonly OutboxRecord[]) => Promise<void>;
  readonly #report: (error: Error | null) => void;
  readonly #stopped = new AbortController();
  #unsaved: OutboxRecord[] = [];
  #saving: Promise<void> | null = null;

  /** @param report Called after every attempt, with what went wrong or null. */
  constructor(
    environment: Environment,
    store: (records: readonly OutboxRecord[]) => Promise<void>,
    report: (error: Error | null) => void,
  ) {
    this.#environment = environment;
    this.#store = store;
    this.#report = report;
  }

  /** Resolves once all changes so far are on disk. */
  save(records: readonly OutboxRecord[]): Promise<void> {
    this.#unsaved.push(...records);
    this.#saving ??= this.#run();
    return this.#saving;
  }

  /** Resolves once nothing waits to be saved. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  stop() {
    this.#stopped.abort();
  }

  async #run() {
    try {
      await Promise.resolve(); // changes of the same turn go into one transaction
      let failures = 0;
      while (this.#unsaved.length > 0 && !this.#stopped.signal.aborted) {
        const error = await this.#saveBatch();
        this.#report(error);
        if (error === null) failures = 0;
        else await this.#wait(failures++);
      }
    } finally {
      this.#saving = null; // in the same step as the last look for changes: none slips in between
    }
  }

  /** @returns what went wrong; then everything is still unsaved. */
  async #saveBatch(): Promise<Error | null> {
    const batch = this.#unsaved;
    this.#unsaved = [];
    try {
      await this.#store(batch);
      return null;
    } catch (error) {
      this.#unsaved = [...batch, ...this.#unsaved];
      return error as Error;
    }
  }

  #wait(failures: number): Promise<void> {
    return sleep(this.#environment, backoffMs(failures, this.#environment), this.#stopped.signal);
  }
}
