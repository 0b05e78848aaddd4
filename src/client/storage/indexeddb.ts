import { openDB, type IDBPDatabase, type IDBPTransaction } from "idb";
import {
  NUMBERED_STORES,
  STORES,
  type ReplicaStorage,
  type StorageConnection,
  type StorageKey,
  type StorageTransaction,
  type StoreName,
  type TransactionMode,
} from "./storage.js";

/** Version of the stores' layout in IndexedDB. */
const LAYOUT_VERSION = 1;

/** Keeps everything in IndexedDB, one database per collection and identity. The default. */
export function indexedDBStorage(): ReplicaStorage {
  return { kind: "indexeddb", open };
}

/** Whether this environment has IndexedDB at all. */
export function hasIndexedDB(): boolean {
  return typeof indexedDB !== "undefined";
}

async function open(name: string): Promise<StorageConnection> {
  const database = await openDB(`convex-replicate:${name}`, LAYOUT_VERSION, {
    upgrade(db) {
      for (const store of STORES) {
        db.createObjectStore(store, { autoIncrement: NUMBERED_STORES.includes(store) });
      }
    },
    // Another tab wants a newer layout: let it, this tab reports a storage error on its next use.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });
  return { transaction: transactionOn(database), close: () => database.close() };
}

function transactionOn(database: IDBPDatabase) {
  return async <T>(
    mode: TransactionMode,
    stores: readonly StoreName[],
    body: (tx: StorageTransaction) => Promise<T>,
  ): Promise<T> => {
    const tx = database.transaction([...stores], mode === "read" ? "readonly" : "readwrite", {
      durability: mode === "durable" ? "strict" : "relaxed",
    });
    try {
      const [result] = await Promise.all([body(wrap(tx)), tx.done]);
      return result;
    } catch (error) {
      abort(tx);
      throw error;
    }
  };
}

type AnyTransaction = IDBPTransaction<unknown, string[], IDBTransactionMode>;
type WriteTransaction = IDBPTransaction<unknown, string[], "readwrite">;

function wrap(tx: AnyTransaction): StorageTransaction {
  const writable = (store: StoreName) => (tx as WriteTransaction).objectStore(store);
  return {
    get: (store, key) => tx.objectStore(store).get(key),
    async getAll(store, after) {
      const range = after === undefined ? undefined : IDBKeyRange.lowerBound(after, true);
      const source = tx.objectStore(store);
      const [keys, values] = await Promise.all([source.getAllKeys(range), source.getAll(range)]);
      return keys.map((key, index) => [key as StorageKey, values[index]]);
    },
    async put(store, key, value) {
      await writable(store).put(value, key);
    },
    async add(store, value) {
      return (await writable(store).add(value)) as number;
    },
    delete: (store, key) => writable(store).delete(key),
    clear: (store) => writable(store).clear(),
  };
}

function abort(tx: AnyTransaction) {
  tx.done.catch(() => undefined); // the caller gets the error that came first
  try {
    tx.abort();
  } catch {
    // Already aborted or finished: that is what is wanted.
  }
}
