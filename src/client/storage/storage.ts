/**
 * Where a client keeps its documents, outbox and cursor. A small transactional key-value interface,
 * so that the rules about what must be stored together live above it, once, for every storage.
 */
export interface ReplicaStorage {
  readonly kind: "indexeddb" | "memory";
  /** Opens (and creates when missing) the store of that name. */
  open(name: string): Promise<StorageConnection>;
}

export interface StorageConnection {
  /**
   * Runs `body` in one atomic transaction and resolves once it is committed; when `body` throws or
   * the storage fails, nothing of it happened. Inside `body` await nothing but the transaction.
   */
  transaction<T>(
    mode: TransactionMode,
    stores: readonly StoreName[],
    body: (tx: StorageTransaction) => Promise<T>,
  ): Promise<T>;
  close(): void;
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
  /** Everything in key order, or what is after a key. */
  getAll(store: StoreName, after?: number): Promise<[StorageKey, unknown][]>;
  put(store: StoreName, key: StorageKey, value: unknown): Promise<void>;
  /** Adds to a numbered store and resolves to the new key. */
  add(store: StoreName, value: unknown): Promise<number>;
  delete(store: StoreName, key: StorageKey): Promise<void>;
  clear(store: StoreName): Promise<void>;
}
