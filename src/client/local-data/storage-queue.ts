import { sleep, type Environment } from "../platform/environment.js";
import {
  isStorageError,
  storageError,
  type StorageHealth,
  type StorageTask,
} from "../storage/health.js";
import { ReplicateError, type ReplicateErrorCode } from "../../shared/errors.js";
import { backoffMs } from "../platform/backoff.js";

type Listener = {
  /** The storage is not as it was. */
  changed(): void;
  failed(error: ReplicateError): void;
};

/** After these nothing here will ever work again: the data is gone, or a newer page's. */
const ENDS = new Set<ReplicateErrorCode>(["STORAGE_LOST", "DATA_CLEARED", "NEWER_DATA"]);

/** Does one thing with the storage at a time, and remembers how that went. */
export class StorageQueue {
  readonly #environment: Environment;
  readonly #health: StorageHealth;
  readonly #listener: Listener;
  readonly #stopped = new AbortController();
  /** Why nothing is done any more. */
  #end: ReplicateError | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(environment: Environment, health: StorageHealth, listener: Listener) {
    this.#environment = environment;
    this.#health = health;
    this.#listener = listener;
  }

  /** Does `work` after everything before it, and once that is `ready`. */
  enqueue<T>(task: StorageTask, work: () => Promise<T>, ready = Promise.resolve()): Promise<T> {
    const inTurn = async () => {
      await ready;
      // What is still to be stored moves on to another session: stored here as well, it would be twice.
      if (this.#end) throw this.#end;
      return work();
    };
    const run = this.#last.then(() => this.now(task, inTurn));
    this.#last = run.catch(() => undefined);
    return run;
  }

  /** Does `work` at once; for whoever has the turn. */
  async now<T>(task: StorageTask, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.#note(() => this.#health.worked(task));
      return result;
    } catch (cause) {
      const error = task === "read" ? readError(cause) : storageError(cause);
      if (isStorageError(error)) this.#note(() => this.#health.failed(task, error));
      if (ENDS.has(error.code)) {
        this.#end ??= error;
        this.stop();
      }
      this.#listener.failed(error);
      throw error;
    }
  }

  /** Does what has to succeed in the end, however often storage fails. */
  async retryUntilDone(work: () => Promise<void>): Promise<void> {
    for (let failures = 0; !this.#stopped.signal.aborted; failures++) {
      try {
        return await work();
      } catch {
        const pause = backoffMs(failures, this.#environment);
        await sleep(this.#environment, pause, this.#stopped.signal);
      }
    }
  }

  /** Insists on nothing any more. */
  stop() {
    this.#stopped.abort();
  }

  /** Resolves once everything so far is done. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #note(event: () => void) {
    const before = this.#health.status.error;
    event();
    const { error } = this.#health.status;
    if (before?.code !== error?.code || before?.message !== error?.message) {
      this.#listener.changed();
    }
  }
}

/** Whatever keeps rows from being shown is reported as an error (C3, C11). */
function readError(cause: unknown): ReplicateError {
  const error = storageError(cause);
  if (isStorageError(error) || error.code === "DATA_CLEARED") return error;
  return new ReplicateError(
    "STORAGE_FAILED",
    `What is stored on this device cannot be read: ${error.message}`,
    { cause: error },
  );
}
