import type {
  ReplicaStorage,
  StorageConnection,
  StorageKey,
  StorageTransaction,
  StoreName,
} from "./storage.js";

type Contents = {
  stores: Map<StoreName, Map<StorageKey, unknown>>;
  lastKey: number;
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
    open: async (name) => {
      const contents = databases.get(name) ?? emptyContents();
      databases.set(name, contents);
      return connect(contents);
    },
  };
}

function emptyContents(): Contents {
  return { stores: new Map(), lastKey: 0, queue: Promise.resolve() };
}

function connect(contents: Contents): StorageConnection {
  return {
    transaction(mode, _stores, body) {
      const run = contents.queue.then(async () => {
        const draft = new Draft(contents);
        const result = await body(draft);
        if (mode !== "read") draft.commit();
        return result;
      });
      contents.queue = run.catch(() => undefined);
      return run;
    },
    close() {},
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

  async getAll(store: StoreName, after?: number): Promise<[StorageKey, unknown][]> {
    return [...this.#read(store)]
      .filter(([key]) => after === undefined || Number(key) > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
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
