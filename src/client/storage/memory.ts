import { ReplicateError } from "../../shared/errors.js";
import {
  STORES,
  type ReplicaStorage,
  type StorageConnection,
  type StorageKey,
  type StorageTransaction,
  type StoreName,
} from "./storage.js";

type Contents = {
  stores: Map<StoreName, Map<StorageKey, unknown>>;
  lastKey: number;
  /** 0 until it was opened for the first time. */
  version: number;
  /** Transactions run one at a time, whichever connection they come from. */
  queue: Promise<unknown>;
};

/**
 * Keeps everything in memory: for tests, for server rendering, and where a browser refuses
 * IndexedDB. What is not yet on the server is gone with the page.
 */
export function memoryStorage(): ReplicaStorage {
  const databases = new Map<string, Contents>();
  return {
    kind: "memory",
    async open(name, { version = 1, upgrade } = {}) {
      const contents = databases.get(name) ?? emptyContents();
      databases.set(name, contents);
      contents.version ||= version;
      if (contents.version > version) throw newer();
      const connection = connect(contents);
      if (contents.version < version) {
        await connection.transaction("write", STORES, async (tx) => {
          if (contents.version < version) await upgrade?.(tx, contents.version);
          contents.version = version;
        });
      }
      return connection;
    },
  };
}

function emptyContents(): Contents {
  return { stores: new Map(), lastKey: 0, version: 0, queue: Promise.resolve() };
}

function newer(): ReplicateError {
  return new ReplicateError("NEWER_DATA", "What is in memory was stored by a newer version.");
}

function connect(contents: Contents): StorageConnection {
  let isClosed = false;
  return {
    transaction(mode, _stores, body) {
      if (isClosed) return Promise.reject(new Error("This connection is closed."));
      const run = contents.queue.then(async () => {
        const draft = new Draft(contents);
        const result = await body(draft);
        if (mode !== "read") draft.commit();
        return result;
      });
      contents.queue = run.catch(() => undefined);
      return run;
    },
    close: () => void (isClosed = true),
  };
}

/** Writes to copies of the stores it touches; values are cloned both ways, as IndexedDB does. */
class Draft implements StorageTransaction {
  readonly #contents: Contents;
  readonly #copies = new Map<StoreName, Map<StorageKey, unknown>>();
  #lastKey: number;

  constructor(contents: Contents) {
    this.#contents = contents;
    this.#lastKey = contents.lastKey;
  }

  commit() {
    for (const [name, copy] of this.#copies) this.#contents.stores.set(name, copy);
    this.#contents.lastKey = this.#lastKey;
  }

  async get(store: StoreName, key: StorageKey) {
    return structuredClone(this.#read(store).get(key));
  }

  async getAll(
    store: StoreName,
    after?: StorageKey,
    limit?: number,
  ): Promise<[StorageKey, unknown][]> {
    return [...this.#read(store)]
      .filter(([key]) => after === undefined || key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, value]) => [key, structuredClone(value)]);
  }

  async put(store: StoreName, key: StorageKey, value: unknown) {
    this.#write(store).set(key, structuredClone(value));
  }

  async add(store: StoreName, value: unknown) {
    const key = ++this.#lastKey;
    await this.put(store, key, value);
    return key;
  }

  async delete(store: StoreName, key: StorageKey) {
    this.#write(store).delete(key);
  }

  async clear(store: StoreName) {
    this.#write(store).clear();
  }

  #read(store: StoreName): ReadonlyMap<StorageKey, unknown> {
    return this.#copies.get(store) ?? this.#contents.stores.get(store) ?? new Map();
  }

  #write(store: StoreName): Map<StorageKey, unknown> {
    const copy = this.#copies.get(store) ?? new Map(this.#contents.stores.get(store));
    this.#copies.set(store, copy);
    return copy;
  }
}
