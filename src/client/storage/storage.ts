/**
 * Where a client keeps its documents, outbox and cursor. A small transactional key-value interface,
 * so that the rules about what must be stored together live above it, once, for every storage.
 * `runStorageTests` of `convex-replicate/storage-tests` checks whether an implementation keeps them.
 */
export interface ReplicaStorage {
  /** For the status, e.g. `"indexeddb"`. `"memory"` means that nothing outlives the page. */
  readonly kind: string;
  /**
   * Opens the store of that name, and creates it when missing. It may take as long as it needs, but
   * must reject when it cannot succeed: the client then goes on in memory, and says so.
   */
  open(name: string, options?: OpenOptions): Promise<StorageConnection>;
}

export interface OpenOptions {
  /** Version of what is stored, from 1 (the default). A newer one on disk: reject with `NEWER_DATA`. */
  version?: number;
  /** Turns what version `from` stored into `version`, in one transaction with the version itself. */
  upgrade?(tx: StorageTransaction, from: number): Promise<void>;
  /** Another page holds an older version open: opening goes on once that page lets go. */
  onBlocked?(): void;
}

export interface StorageConnection {
  /**
   * Runs `body` in one atomic transaction and resolves once it is committed; when `body` throws or
   * the storage fails, nothing of it happened. Inside `body` await nothing but the transaction.
   * Rejects with an error named `QuotaExceededError` when there is no space left.
   */
  transaction<T>(
    mode: TransactionMode,
    stores: readonly StoreName[],
    body: (tx: StorageTransaction) => Promise<T>,
  ): Promise<T>;
  /** Afterwards every transaction is refused. */
  close(): void;
  /** Id of this store: one that is made after a browser has deleted the data has another. */
  readonly storeId?: string;
  /** Whether there was data of this name here before, which the browser has deleted. */
  readonly evicted?: boolean;
  /** Whether the browser has promised to keep the data, null when it cannot be known; `ask` asks for it. */
  persisted?(options: { ask: boolean }): Promise<boolean | null>;
}

/** `durable` also survives a crash of the machine once it resolved (C3); `write` that of the page. */
export type TransactionMode = "read" | "write" | "durable";

/**
 * - `meta`: single values by name
 * - `documents`: the CRDT base of each document, by id; read only to merge or to mint (C8)
 * - `rows`: segments of rows as JSON, in the order written; later ones replace earlier ones
 * - `outbox`: local changes that the server has not accepted yet, in the order made
 */
export const STORES = ["meta", "documents", "rows", "outbox"] as const;
export type StoreName = (typeof STORES)[number];

/** Stores whose keys count up by themselves; keys are never used twice. */
export const NUMBERED_STORES: readonly StoreName[] = ["rows", "outbox"];

export type StorageKey = string | number;

export interface StorageTransaction {
  get(store: StoreName, key: StorageKey): Promise<unknown>;
  /** Everything in key order, or what is after a key, at most `limit` of it. */
  getAll(
    store: StoreName,
    after?: StorageKey,
    limit?: number,
  ): Promise<[key: StorageKey, value: unknown][]>;
  put(store: StoreName, key: StorageKey, value: unknown): Promise<void>;
  /** Adds to a numbered store and resolves to the new key. */
  add(store: StoreName, value: unknown): Promise<number>;
  delete(store: StoreName, key: StorageKey): Promise<void>;
  clear(store: StoreName): Promise<void>;
}
