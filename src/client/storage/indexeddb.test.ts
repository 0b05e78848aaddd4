import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { indexedDBStorage } from "./indexeddb.js";
import type { OpenOptions, StorageConnection } from "./storage.js";
import { PATIENTLY } from "../setup.test.js";

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const open = (options?: OpenOptions) => indexedDBStorage().open("a", options);
const read = (connection: StorageConnection) =>
  connection.transaction("read", ["meta"], (tx) => tx.get("meta", "k"));
const write = (connection: StorageConnection, value: unknown) =>
  connection.transaction("write", ["meta"], (tx) => tx.put("meta", "k", value));

/** Closes what the browser closes by itself: the database below the connection. */
async function closeBelow(connection: StorageConnection) {
  const { transaction } = IDBDatabase.prototype;
  let below: IDBDatabase | undefined;
  IDBDatabase.prototype.transaction = function (...args) {
    below = this as unknown as IDBDatabase;
    return transaction.apply(this, args);
  };
  await read(connection).finally(() => (IDBDatabase.prototype.transaction = transaction));
  below!.close();
}

function browserWith(parts: { localStorage?: Map<string, string>; storage?: object }) {
  const { localStorage, storage } = parts;
  if (localStorage) {
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => localStorage.get(key) ?? null,
      setItem: (key: string, value: string) => localStorage.set(key, value),
    });
  }
  if (storage) vi.stubGlobal("navigator", { storage });
}

describe("a connection", () => {
  it("asks for durability only where it was promised", async () => {
    const asked: unknown[] = [];
    const connection = await open();
    const { prototype } = IDBDatabase;
    const original = prototype.transaction;
    prototype.transaction = function (stores, mode, options) {
      asked.push([mode, options?.durability]);
      return original.call(this, stores, mode, options);
    };
    try {
      for (const mode of ["read", "write", "durable"] as const) {
        await connection.transaction(mode, ["meta"], async (tx) => void (await tx.get("meta", 1)));
      }
    } finally {
      prototype.transaction = original;
    }
    expect(asked).toEqual([
      ["readonly", "relaxed"],
      ["readwrite", "relaxed"],
      ["readwrite", "strict"],
    ]);
  });

  it("that the browser closed is opened again, once for all who wait", async () => {
    const connection = await open();
    await write(connection, 1);
    await closeBelow(connection);
    const opening = vi.spyOn(indexedDB, "open");
    expect(await Promise.all([read(connection), read(connection)])).toEqual([1, 1]);
    expect(opening).toHaveBeenCalledTimes(1);
  });

  it("that the browser closed and does not open again fails in time, and works once it does", async () => {
    const connection = await open();
    await write(connection, 1);
    await closeBelow(connection);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const opening = vi.spyOn(indexedDB, "open");
    opening.mockImplementation(() => new IDBOpenDBRequest()); // is never answered
    for (let attempt = 0; attempt < 2; attempt++) {
      const failed = expect(read(connection)).rejects.toThrow("does not open within 10 s");
      await vi.advanceTimersByTimeAsync(10_000);
      await failed;
    }
    expect(opening).toHaveBeenCalledTimes(2);
    opening.mockRestore();
    expect(await read(connection)).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("to a database that is gone says so for good, also once there is a new one", async () => {
    const connection = await open();
    await closeBelow(connection);
    await new Promise(
      (resolve) => (indexedDB.deleteDatabase("convex-replicate:a").onsuccess = resolve),
    );
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(read(connection)).rejects.toMatchObject({ code: "STORAGE_LOST" });
      await write(await open(), "new");
    }
  });

  it("that was closed is not opened again by a late use", async () => {
    const connection = await open();
    connection.close();
    await expect(read(connection)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    const reopening = await open();
    await closeBelow(reopening);
    const late = read(reopening);
    reopening.close();
    await expect(late).rejects.toThrow();
  });
});

describe("another version", () => {
  const upgraded = (upgrade?: OpenOptions["upgrade"]): OpenOptions => ({ version: 2, upgrade });

  it("waits for a page that keeps the older one open, says so, and goes on", async () => {
    const older = await openDB("convex-replicate:a", 1, {
      upgrade: (db) => void db.createObjectStore("meta"),
    });
    const onBlocked = vi.fn();
    const opening = open({ ...upgraded(), onBlocked });
    await vi.waitFor(() => expect(onBlocked).toHaveBeenCalledTimes(1), PATIENTLY);
    older.close();
    await write(await opening, 1);
  });

  it("is let in by our own connections, which then can only say that they are old", async () => {
    const older = await open();
    await write(older, 1);
    const newer = await open(
      upgraded(async (tx, from) => tx.put("meta", "k", [from, await tx.get("meta", "k")])),
    );
    expect(await read(newer)).toEqual([1, 1]);
    await expect(read(older)).rejects.toMatchObject({ code: "NEWER_DATA" });
    await expect(open()).rejects.toMatchObject({ code: "NEWER_DATA" });
    expect(await read(newer)).toEqual([1, 1]);
  });

  it("is all there or not at all", async () => {
    const older = await open();
    await write(older, 1);
    const failing = open(
      upgraded(async (tx) => {
        await tx.put("meta", "k", "half");
        throw new Error("a bug in the migration");
      }),
    );
    await expect(failing).rejects.toThrow("a bug in the migration");
    expect(await read(older)).toBe(1);
  });
});

describe("eviction", () => {
  it("is told from a first visit, and from the next one", async () => {
    browserWith({ localStorage: new Map() });
    const first = await open();
    expect(first.evicted).toBe(false);
    expect((await open()).evicted).toBe(false);
    globalThis.indexedDB = new IDBFactory();
    expect((await open()).evicted).toBe(true);
    expect((await open()).evicted).toBe(false);
  });

  it("cannot be known without localStorage, which is no trouble", async () => {
    vi.stubGlobal("localStorage", {
      getItem() {
        throw new DOMException("no", "SecurityError");
      },
    });
    expect((await open()).evicted).toBe(false);
  });
});

describe("a promise of the browser to keep the data", () => {
  it("is asked for where that was wanted, and only while there is none", async () => {
    let granted = false;
    const persist = vi.fn(async () => (granted = true));
    browserWith({ storage: { persisted: async () => granted, persist } });
    const connection = await open();
    expect(await connection.persisted?.({ ask: false })).toBe(false);
    expect(persist).not.toHaveBeenCalled();
    expect(await connection.persisted?.({ ask: true })).toBe(true);
    expect(await connection.persisted?.({ ask: true })).toBe(true);
    expect(persist).toHaveBeenCalledTimes(1);
  });

  it("is not asked for when that was switched off", async () => {
    const persist = vi.fn();
    browserWith({ storage: { persisted: async () => false, persist } });
    const connection = await indexedDBStorage({ persist: false }).open("a");
    expect(await connection.persisted?.({ ask: true })).toBe(false);
    expect(persist).not.toHaveBeenCalled();
  });

  it("is unknown where a browser cannot say", async () => {
    browserWith({ storage: {} });
    expect(await (await open()).persisted?.({ ask: true })).toBeNull();
  });
});
