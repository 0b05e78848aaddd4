import type { IDBPDatabase, IDBPTransaction } from "idb";
import type { StorageKey, StorageTransaction, StoreName, TransactionMode } from "./storage.js";

type AnyTransaction = IDBPTransaction<unknown, string[], IDBTransactionMode>;
type WriteTransaction = IDBPTransaction<unknown, string[], "readwrite">;

/** @returns null, and nothing happens, when the connection has been closed meanwhile. */
export function runTransaction<T>(
  database: IDBPDatabase,
  mode: TransactionMode,
  stores: readonly StoreName[],
  body: (tx: StorageTransaction) => Promise<T>,
): Promise<T> | null {
  const tx = begin(database, mode, stores);
  return tx && complete(tx, body);
}

function begin(
  database: IDBPDatabase,
  mode: TransactionMode,
  stores: readonly StoreName[],
): AnyTransaction | null {
  try {
    return database.transaction([...stores], mode === "read" ? "readonly" : "readwrite", {
      durability: mode === "durable" ? "strict" : "relaxed",
    });
  } catch (error) {
    if ((error as DOMException | null)?.name === "InvalidStateError") return null;
    throw error;
  }
}

async function complete<T>(
  tx: AnyTransaction,
  body: (tx: StorageTransaction) => Promise<T>,
): Promise<T> {
  try {
    const [result] = await Promise.all([body(wrap(tx)), tx.done]);
    return result;
  } catch (error) {
    abort(tx);
    throw tx.error ?? error; // a transaction that fails by itself knows why, e.g. that space ran out
  }
}

/** Aborts a transaction, if it still can be; its error is the caller's to report. */
export function abort(tx: { abort(): void; done: Promise<unknown> }) {
  tx.done.catch(() => undefined); // the caller gets the error that came first
  try {
    tx.abort();
  } catch {
    // Already aborted or finished: that is what is wanted.
  }
}

/** A transaction of IndexedDB as the interface has it. */
export function wrap(tx: AnyTransaction): StorageTransaction {
  const writable = (store: StoreName) => (tx as WriteTransaction).objectStore(store);
  return {
    get: (store, key) => tx.objectStore(store).get(key),
    async getAll(store, after, limit) {
      const range = after === undefined ? undefined : IDBKeyRange.lowerBound(after, true);
      const source = tx.objectStore(store);
      const [keys, values] = await Promise.all([
        source.getAllKeys(range, limit),
        source.getAll(range, limit),
      ]);
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
