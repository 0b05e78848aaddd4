import { sleep, type Environment } from "../platform/environment.js";
import type { OutboxRecord } from "../store/records.js";
import { backoffMs } from "../platform/backoff.js";

/**
 * Brings local changes to disk in the order they were made, and keeps trying while storage fails:
 * a change is only pushed, and only shown to other tabs, once it is there (C3).
 */
export class Saver {
  readonly #environment: Environment;
  readonly #store: (records: readonly OutboxRecord[]) => Promise<void>;
  readonly #stopped = new AbortController();
  #unsaved: OutboxRecord[] = [];
  #saving: Promise<void> | null = null;

  /** @param store Brings records to disk together, or rejects and brings none. */
  constructor(
    environment: Environment,
    store: (records: readonly OutboxRecord[]) => Promise<void>,
  ) {
    this.#environment = environment;
    this.#store = store;
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
        if (await this.#saveBatch()) failures = 0;
        else await this.#wait(failures++);
      }
    } finally {
      this.#saving = null; // in the same step as the last look for changes: none slips in between
    }
  }

  /** @returns false when everything is still unsaved. */
  async #saveBatch(): Promise<boolean> {
    const batch = this.#unsaved;
    this.#unsaved = [];
    try {
      await this.#store(batch);
      return true;
    } catch {
      this.#unsaved = [...batch, ...this.#unsaved];
      return false;
    }
  }

  #wait(failures: number): Promise<void> {
    return sleep(this.#environment, backoffMs(failures, this.#environment), this.#stopped.signal);
  }
}
