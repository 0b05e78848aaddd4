import { openDB, type IDBPDatabase } from "idb";
import { ReplicateError } from "../../shared/errors.js";
import { realEnvironment } from "../platform/environment.js";
import { noteStoreId, recallStoreId } from "./eviction.js";
import { abort, runTransaction, wrap } from "./indexeddb-transaction.js";
import { newerData } from "./newer-data.js";
import { openInTime } from "./open-in-time.js";
import { persisted } from "./persistence.js";
import {
  NUMBERED_STORES,
  STORES,
  type OpenOptions,
  type ReplicaStorage,
  type StorageConnection,
} from "./storage.js";
import { META } from "./meta-keys.js";

export interface IndexedDBOptions {
  /**
   * Whether to ask the browser not to delete this site's data by itself, once there are changes of
   * the user's to lose (`navigator.storage.persist()`; Firefox asks the user). True by default.
   */
  persist?: boolean;
}

/** Keeps everything in IndexedDB, one database per collection and identity. The default. */
export function indexedDBStorage({ persist = true }: IndexedDBOptions = {}): ReplicaStorage {
  return {
    kind: "indexeddb",
    async open(name, options = {}) {
      const connection = new Connection(name, options, persist);
      await connection.open();
      return connection;
    },
  };
}

/** Whether this environment has IndexedDB at all. */
export function hasIndexedDB(): boolean {
  return typeof indexedDB !== "undefined";
}

class Connection implements StorageConnection {
  storeId = "";
  evicted = false;
  readonly #name: string;
  readonly #options: OpenOptions;
  readonly #persist: boolean;
  #database!: IDBPDatabase;
  #reopening: Promise<void> | null = null;
  #isLost = false;
  #isClosed = false;

  constructor(name: string, options: OpenOptions, persist: boolean) {
    this.#name = `convex-replicate:${name}`;
    this.#options = options;
    this.#persist = persist;
  }

  async open() {
    this.#database = await openDatabase(this.#name, this.#options);
    this.storeId = await storeIdOf(this.#database);
    const before = recallStoreId(this.#name);
    this.evicted = before !== null && before !== this.storeId;
    noteStoreId(this.#name, this.storeId);
  }

  transaction: StorageConnection["transaction"] = async (mode, stores, body) => {
    for (let attempt = 0; ; attempt++) {
      if (this.#isClosed) throw closed();
      const run = runTransaction(this.#database, mode, stores, body);
      // Nothing of it can have happened: the connection was closed before it began.
      if (run !== null || attempt > 0) return run ?? Promise.reject(closed());
      await (this.#reopening ??= this.#reopen().finally(() => (this.#reopening = null)));
    }
  };

  close() {
    this.#isClosed = true;
    this.#database.close();
  }

  persisted({ ask }: { ask: boolean }) {
    return persisted(ask && this.#persist);
  }

  /** An answer that never comes would hold up everything for good: without one, whoever waits tries again. */
  #openAgain(): Promise<IDBPDatabase> {
    return openInTime(realEnvironment, this.#options, (options) =>
      openDatabase(this.#name, options),
    );
  }

  /** Browsers close connections: on trouble with the disk, in the background, for another tab. */
  async #reopen() {
    const opened = this.#isLost ? null : await this.#openAgain();
    // What this connection's owner knows of keys and contents is wrong for ever, so it ends here.
    // Another tab may have been the first to notice, and have made the new database.
    this.#isLost ||= opened !== null && (await storeIdOf(opened)) !== this.storeId;
    if (opened && !this.#isLost && !this.#isClosed) {
      this.#database = opened;
      return;
    }
    opened?.close();
    if (this.#isLost) {
      throw new ReplicateError("STORAGE_LOST", "The browser has deleted this site's data.");
    }
  }
}

async function openDatabase(name: string, options: OpenOptions): Promise<IDBPDatabase> {
  const { version = 1, upgrade, onBlocked } = options;
  let failure: unknown = null;
  try {
    return await openDB(name, version, {
      upgrade(db, from, _to, tx) {
        const present = [...db.objectStoreNames];
        for (const store of STORES.filter((one) => !present.includes(one))) {
          db.createObjectStore(store, { autoIncrement: NUMBERED_STORES.includes(store) });
        }
        const storeId = crypto.getRandomValues(new Uint32Array(4)).join("-");
        const done = from === 0 ? tx.objectStore("meta").put(storeId, META.storeId) : undefined;
        Promise.resolve(done ?? upgrade?.(wrap(tx), from)).catch((error: unknown) => {
          failure = error; // opening fails with it
          abort(tx);
        });
      },
      blocked: () => onBlocked?.(),
      // Another tab wants a newer version, or the data gone: let it. The next use opens it again.
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
  } catch (error) {
    throw (error as DOMException).name === "VersionError" ? newerData() : (failure ?? error);
  }
}

function storeIdOf(database: IDBPDatabase): Promise<string> {
  return database.get("meta", META.storeId) as Promise<string>;
}

function closed(): ReplicateError {
  return new ReplicateError("STORAGE_FAILED", "This connection to the local database is closed.");
}
