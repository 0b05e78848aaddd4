import { ReplicateError } from "../../shared/errors.js";
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

/** Where in `meta` a database says which one it is: after a deletion, there may be another one. */
const IDENTITY_KEY = "identity";

/** Keeps everything in IndexedDB, one database per collection and identity. The default. */
export function indexedDBStorage(): ReplicaStorage {
  return { kind: "indexeddb", open };
}

/** Whether this environment has IndexedDB at all. */
export function hasIndexedDB(): boolean {
  return typeof indexedDB !== "undefined";
}

async function open(name: string): Promise<StorageConnection> {
  let database = await openDatabase(name);
  const identity = await identityOf(database);
  let reopening: Promise<void> | null = null;
  let isLost = false;

  /** Browsers close connections: on trouble with the disk, in the background, for another tab. */
  const reopen = async () => {
    const opened = isLost ? null : await openDatabase(name);
    // What this connection's owner knows of keys and contents is wrong for ever, so it ends here.
    // Another tab may have been the first to notice, and have made the new database.
    isLost ||= opened !== null && (await identityOf(opened)) !== identity;
    if (opened && !isLost) {
      database = opened;
      return;
    }
    opened?.close();
    throw new ReplicateError("STORAGE_LOST", "The browser has deleted this site's data.");
  };
  return {
    async transaction(mode, stores, body) {
      try {
        return await runTransaction(database, mode, stores, body);
      } catch (error) {
        if (!isClosed(error)) throw error;
        await (reopening ??= reopen().finally(() => (reopening = null)));
        return runTransaction(database, mode, stores, body);
      }
    },
    close: () => database.close(),
  };
}

function openDatabase(name: string): Promise<IDBPDatabase> {
  return openDB(`convex-replicate:${name}`, LAYOUT_VERSION, {
    upgrade(db, _oldVersion, _newVersion, tx) {
      for (const store of STORES) {
        db.createObjectStore(store, { autoIncrement: NUMBERED_STORES.includes(store) });
      }
      const identity = crypto.getRandomValues(new Uint32Array(4)).join("-");
      const put = tx.objectStore("meta").put(identity, IDENTITY_KEY);
      put.catch(() => undefined); // opening fails with it
    },
    // Another tab wants a newer layout, or the data gone: let it. The next use opens it again.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });
}

function identityOf(database: IDBPDatabase): Promise<string> {
  return database.get("meta", IDENTITY_KEY) as Promise<string>;
}

/** Thrown before a transaction began, so that nothing of it can have happened. */
function isClosed(error: unknown): boolean {
  return (error as DOMException | null)?.name === "InvalidStateError";
}

async function runTransaction<T>(
  database: IDBPDatabase,
  mode: TransactionMode,
  stores: readonly StoreName[],
  body: (tx: StorageTransaction) => Promise<T>,
): Promise<T> {
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
