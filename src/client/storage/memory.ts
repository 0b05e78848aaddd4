import { MemoryTransaction, NOTHING_STORED, type Image } from "./memory-transaction.js";
import { newerData } from "./newer-data.js";
import { STORES, type ReplicaStorage, type StorageConnection } from "./storage.js";

type Contents = {
  image: Image;
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
      if (contents.version > version) throw newerData();
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
  return { image: NOTHING_STORED, version: 0, queue: Promise.resolve() };
}

function connect(contents: Contents): StorageConnection {
  let isClosed = false;
  return {
    transaction(mode, _stores, body) {
      if (isClosed) return Promise.reject(new Error("This connection is closed."));
      const run = contents.queue.then(async () => {
        const tx = new MemoryTransaction(contents.image, globalThis.structuredClone ?? copyOf);
        const result = await body(tx);
        if (mode !== "read") contents.image = tx.image();
        return result;
      });
      contents.queue = run.catch(() => undefined);
      return run;
    },
    close: () => void (isClosed = true),
  };
}

/** A `structuredClone` of what is stored here, for runtimes that have none, e.g. React Native's. */
function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof ArrayBuffer || value instanceof Uint8Array) return value.slice();
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)]));
}
