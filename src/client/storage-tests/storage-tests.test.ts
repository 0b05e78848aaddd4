import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { describe, expect, it } from "vitest";
import { indexedDBStorage } from "../storage/indexeddb.js";
import { memoryStorage } from "../storage/memory.js";
import {
  STORES,
  type ReplicaStorage,
  type StorageConnection,
  type StorageTransaction,
} from "../storage/storage.js";
import { runStorageTests } from "./index.js";

describe("memory", () => {
  runStorageTests(memoryStorage, { test: it, persistent: false });
});

describe("IndexedDB", () => {
  globalThis.indexedDB = new IDBFactory();
  runStorageTests(() => indexedDBStorage({ persist: false }), { test: it });
});

type Parts = {
  open?: (storage: ReplicaStorage) => ReplicaStorage["open"];
  connection?: (connection: StorageConnection) => Partial<StorageConnection>;
  tx?: (tx: StorageTransaction) => Partial<StorageTransaction>;
};

/** Storage in memory with something wrong about it. */
function faulty({ open, connection, tx }: Parts): ReplicaStorage {
  const storage = memoryStorage();
  const openInner = open?.(storage) ?? storage.open;
  return {
    kind: "faulty",
    async open(name, options) {
      const inner = await openInner(name, options);
      const own: StorageConnection = {
        close: () => inner.close(),
        transaction: (mode, stores, body) =>
          inner.transaction(mode, stores, (one) => body({ ...bound(one), ...tx?.(one) })),
      };
      return { ...own, ...connection?.(own) };
    },
  };
}

function bound(tx: StorageTransaction): StorageTransaction {
  return {
    get: (...args) => tx.get(...args),
    getAll: (...args) => tx.getAll(...args),
    put: (...args) => tx.put(...args),
    add: (...args) => tx.add(...args),
    delete: (...args) => tx.delete(...args),
    clear: (...args) => tx.clear(...args),
  };
}

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

/** Faults that real storages have had, or easily could. */
const FAULTS: Record<string, () => ReplicaStorage> = {
  "a transaction that is torn when it throws": () =>
    faulty({
      connection: ({ transaction }) => ({
        async transaction(mode, stores, body) {
          let failure: { error: unknown } | null = null;
          const result = await transaction(mode, stores, (tx) =>
            body(tx).catch((error: unknown) => void (failure = { error })),
          );
          if (failure) throw (failure as { error: unknown }).error;
          return result as Awaited<ReturnType<typeof body>>;
        },
      }),
    }),
  "a number that is used again": () =>
    faulty({
      tx: (tx) => ({
        async add(store, value) {
          const last = (await tx.getAll(store)).at(-1)?.[0] ?? 0;
          await tx.put(store, Number(last) + 1, value);
          return Number(last) + 1;
        },
      }),
    }),
  "numbers in the order of text": () =>
    faulty({
      tx: (tx) => ({
        getAll: async (...args) =>
          (await tx.getAll(...args)).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      }),
    }),
  "writes that wait in memory until the page closes": () => {
    const disk = memoryStorage();
    return {
      kind: "faulty",
      async open(name, options) {
        const connection = await disk.open(name, options);
        const waiting: (() => Promise<unknown>)[] = [];
        return {
          close: () => void Promise.allSettled(waiting.map((write) => write())),
          async transaction(mode, stores, body) {
            if (mode === "read") return connection.transaction(mode, stores, body);
            waiting.push(() => connection.transaction(mode, stores, body));
            return undefined as Awaited<ReturnType<typeof body>>;
          },
        };
      },
    };
  },
  "commits that come after they were told": () =>
    faulty({
      connection: ({ transaction }) => ({
        transaction: (mode, stores, body) =>
          new Promise((resolve, reject) => {
            transaction(mode, stores, async (tx) => {
              const result = await body(tx);
              resolve(result);
              await new Promise((later) => setTimeout(later, 5));
              if (mode === "durable") throw new Error("the disk is full");
              return result;
            }).catch(reject);
          }),
      }),
    }),
  "no copies of what it is given": () => {
    const kept = new Map<string, unknown>();
    return faulty({
      tx: (tx) => ({
        put: (store, key, value) => {
          kept.set(`${store}/${key}`, value);
          return tx.put(store, key, value);
        },
        get: async (store, key) => (await tx.get(store, key)) && kept.get(`${store}/${key}`),
      }),
    });
  },
  "values as JSON": () =>
    faulty({ tx: (tx) => ({ put: (store, key, value) => tx.put(store, key, asJson(value)) }) }),
  "names in lower case": () =>
    faulty({ open: (storage) => (name, options) => storage.open(name.toLowerCase(), options) }),
  "names that are decoded": () =>
    faulty({
      open: (storage) => (name, options) => storage.open(decodeURIComponent(name), options),
    }),
  "a start that is included": () =>
    faulty({
      tx: (tx) => ({
        getAll: async (store, after, limit) =>
          (await tx.getAll(store))
            .filter(([key]) => after === undefined || key >= after)
            .slice(0, limit),
      }),
    }),
  "a limit that is ignored": () =>
    faulty({ tx: (tx) => ({ getAll: (store, after) => tx.getAll(store, after) }) }),
  "null for what is missing": () =>
    faulty({ tx: (tx) => ({ get: async (store, key) => (await tx.get(store, key)) ?? null }) }),
  "clearing that clears all": () =>
    faulty({
      tx: (tx) => ({
        clear: async () => void (await Promise.all(STORES.map((one) => tx.clear(one)))),
      }),
    }),
  "putting that appends": () =>
    faulty({
      tx: (tx) => ({
        async put(store, key, value) {
          if (typeof key === "string") return tx.put(store, key, value);
          await tx.delete(store, key);
          await tx.add(store, value);
        },
      }),
    }),
  "transactions that only read, and write": () =>
    faulty({
      connection: ({ transaction }) => ({
        transaction: (_mode, stores, body) => transaction("write", stores, body),
      }),
    }),
  "a transaction that does not see its own writes": () =>
    faulty({
      tx: (tx) => {
        const before = tx.getAll("documents");
        return {
          getAll: (store, ...rest) =>
            store === "documents" && rest.length === 0 ? before : tx.getAll(store, ...rest),
        };
      },
    }),
  "one transaction for each step": () => {
    const inner = memoryStorage();
    return {
      kind: "faulty",
      async open(name, options) {
        const { transaction, close } = await inner.open(name, options);
        const step = <T>(work: (tx: StorageTransaction) => Promise<T>) =>
          transaction("write", STORES, work);
        return {
          close,
          transaction: (_mode, _stores, body) =>
            body({
              get: (...args) => step((tx) => tx.get(...args)),
              getAll: (...args) => step((tx) => tx.getAll(...args)),
              put: (...args) => step((tx) => tx.put(...args)),
              add: (...args) => step((tx) => tx.add(...args)),
              delete: (...args) => step((tx) => tx.delete(...args)),
              clear: (...args) => step((tx) => tx.clear(...args)),
            }),
        };
      },
    };
  },
  "a connection that can be used after it was closed": () =>
    faulty({ connection: () => ({ close: () => undefined }) }),
  "no look at versions": () => faulty({ open: (storage) => (name) => storage.open(name) }),
  "an upgrade every time": () =>
    faulty({
      open: (storage) => async (name, options) => {
        const connection = await storage.open(name, options);
        if (options?.upgrade) {
          await connection.transaction("write", STORES, (tx) => options.upgrade!(tx, 2));
        }
        return connection;
      },
    }),
  "an upgrade whose failure is swallowed": () =>
    faulty({
      open: (storage) => (name, options) => {
        const upgrade = options?.upgrade;
        return storage.open(name, {
          ...options,
          ...(upgrade && { upgrade: (tx, from) => upgrade(tx, from).catch(() => undefined) }),
        });
      },
    }),
  "values of a megabyte cut off": () =>
    faulty({
      tx: (tx) => ({
        put: (store, key, value) =>
          tx.put(store, key, typeof value === "string" ? value.slice(0, 2 ** 16) : value),
      }),
    }),
};

/** Runs the suite as a test runner would, and says what failed. */
async function failuresOf(makeStorage: () => ReplicaStorage): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  runStorageTests(makeStorage, { test: (...one) => tests.push(one), persistent: false });
  const failures: string[] = [];
  for (const [name, run] of tests) await run().catch(() => failures.push(name));
  return failures;
}

describe("the suite", () => {
  it("finds nothing wrong with a storage that is wrapped and otherwise sound", async () => {
    expect(await failuresOf(() => faulty({}))).toEqual([]);
  });

  it.each(Object.entries(FAULTS))("catches %s", async (_name, make) => {
    expect(await failuresOf(make)).not.toEqual([]);
  });

  it("says what it expected and what it got", async () => {
    const messages: string[] = [];
    runStorageTests(FAULTS["null for what is missing"]!, {
      persistent: false,
      test: (_name, run) => void run().catch((error: Error) => messages.push(error.message)),
    });
    await expect
      .poll(() => messages)
      .toContain("a missing value: expected undefined, but got null.");
  });
});
