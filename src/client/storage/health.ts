import { ReplicateError, type ReplicateErrorCode } from "../../shared/errors.js";

/** Where local data is kept, and how safe it is there; `status.storage`. */
export type StorageStatus = {
  /** `"indexeddb"`, `"memory"`, or what a storage of your own calls itself. */
  kind: string;
  /**
   * What is wrong: new changes may be lost with the page until this is null again. `STORAGE_FULL`,
   * `STORAGE_FAILED`, `STORAGE_BLOCKED` (another tab holds older data open), `STORAGE_REFUSED` (the
   * browser keeps nothing, so everything is in memory), `NEWER_DATA` (reload to get the newer app).
   */
  error: { code: ReplicateErrorCode; message: string } | null;
  /** Whether the browser keeps the data until the user deletes it; null where that is unknown. */
  persisted: boolean | null;
  /**
   * Whether the browser has deleted data that was here on an earlier visit, to make room. What had
   * not been sent by then is lost; everything else is loaded again. False on a first visit.
   */
  evicted: boolean;
};

/** What was tried, easiest first: if one works, those before it work, too. */
const TASKS = ["read", "write", "save"] as const;
export type StorageTask = (typeof TASKS)[number];

/** Remembers what is wrong with the storage until something at least as hard has worked. */
export class StorageHealth {
  #where: Omit<StorageStatus, "error">;
  #permanent: StorageStatus["error"] = null;
  readonly #troubles = new Map<StorageTask, StorageStatus["error"]>();

  constructor(kind: string) {
    this.#where = { kind, persisted: null, evicted: false };
  }

  get status(): StorageStatus {
    const trouble = TASKS.map((task) => this.#troubles.get(task)).findLast((one) => one);
    return { ...this.#where, error: this.#permanent ?? trouble ?? null };
  }

  update(where: Partial<Omit<StorageStatus, "error">>) {
    this.#where = { ...this.#where, ...where };
  }

  /** An error that no later success ends; null takes it back. */
  setPermanentError(error: Error | null) {
    this.#permanent = error && coded(error);
  }

  failed(task: StorageTask, error: Error) {
    this.#troubles.set(task, coded(error));
  }

  worked(task: StorageTask) {
    for (const proven of TASKS.slice(0, TASKS.indexOf(task) + 1)) this.#troubles.delete(proven);
  }
}

const STORAGE_CODES = new Set<ReplicateErrorCode>([
  "STORAGE_FAILED",
  "STORAGE_FULL",
  "STORAGE_LOST",
  "NEWER_DATA",
]);

/** Whether it is the storage that failed, and not what was to be stored. */
export function isStorageError({ code }: ReplicateError): boolean {
  return STORAGE_CODES.has(code);
}

/** A failed transaction's error, with a code. */
export function storageError(cause: unknown): ReplicateError {
  if (cause instanceof ReplicateError) return cause;
  const { name, message } = cause as Error;
  return name === "QuotaExceededError"
    ? new ReplicateError(
        "STORAGE_FULL",
        "The browser has no more space for this site: new changes are in memory only, until there is some.",
        { cause },
      )
    : new ReplicateError("STORAGE_FAILED", `Local storage failed: ${message}`, { cause });
}

function coded(error: Error): StorageStatus["error"] {
  const { code, message } = storageError(error);
  return { code, message };
}
