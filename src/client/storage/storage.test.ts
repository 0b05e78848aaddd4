import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import { indexedDBStorage } from "./indexeddb.js";
import { memoryStorage } from "./memory.js";
import { STORES, type ReplicaStorage, type StorageConnection } from "./storage.js";

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

// What every storage owes the rules above it.
describe.each<[string, () => ReplicaStorage]>([
  ["memory", memoryStorage],
  ["IndexedDB", indexedDBStorage],
])("storage in %s", (_name, make) => {
  const open = async () => {
    const storage = make();
    return { storage, connection: await storage.open("a") };
  };
  const read = (connection: StorageConnection, key = "k") =>
    connection.transaction("read", ["meta"], (tx) => tx.get("meta", key));
  const rows = (connection: StorageConnection, after?: number) =>
    connection.transaction("read", ["rows"], (tx) => tx.getAll("rows", after));
  const add = (connection: StorageConnection, value: unknown) =>
    connection.transaction("write", ["rows"], (tx) => tx.add("rows", value));

  it.each(["write", "durable"] as const)("keeps what a `%s` transaction wrote", async (mode) => {
    const { storage, connection } = await open();
    const result = await connection.transaction(mode, ["meta", "outbox"], async (tx) => {
      await tx.put("meta", "k", { bytes: new Uint8Array([1, 2]), nothing: null });
      expect(await tx.get("meta", "k")).toMatchObject({ nothing: null });
      return "result";
    });
    expect(result).toBe("result");
    connection.close();
    const value = await read(await storage.open("a"));
    expect(value).toEqual({ bytes: new Uint8Array([1, 2]), nothing: null });
  });

  it("keeps stores of different names apart", async () => {
    const { storage, connection } = await open();
    await connection.transaction("write", ["meta"], (tx) => tx.put("meta", "k", 1));
    expect(await read(await storage.open("b"))).toBeUndefined();
  });

  it("writes nothing of a transaction that throws, and goes on working", async () => {
    const { connection } = await open();
    await connection.transaction("write", ["meta"], (tx) => tx.put("meta", "k", "before"));
    const failing = connection.transaction("durable", STORES, async (tx) => {
      await tx.put("meta", "k", "after");
      await tx.add("rows", ["row"]);
      await tx.clear("documents");
      throw new Error("stop");
    });
    await expect(failing).rejects.toThrow("stop");
    expect(await read(connection)).toBe("before");
    expect(await rows(connection)).toEqual([]);
    await connection.transaction("write", ["meta"], (tx) => tx.delete("meta", "k"));
    expect(await read(connection)).toBeUndefined();
  });

  it("hands out copies", async () => {
    const { connection } = await open();
    const value = { list: [1] };
    await connection.transaction("write", ["meta"], (tx) => tx.put("meta", "k", value));
    value.list.push(2);
    ((await read(connection)) as typeof value).list.push(3);
    expect(await read(connection)).toEqual({ list: [1] });
  });

  it("numbers what is added, and returns it in that order, all or after a key", async () => {
    const { connection } = await open();
    const keys: number[] = [];
    for (let index = 0; index < 12; index++) keys.push(await add(connection, `row ${index}`));
    expect(keys).toEqual([...keys].sort((a, b) => a - b));
    expect(await rows(connection)).toEqual(keys.map((key, index) => [key, `row ${index}`]));
    expect((await rows(connection, keys[9])).map(([key]) => key)).toEqual(keys.slice(10));
    expect(await rows(connection, keys[11])).toEqual([]);
  });

  it("never uses a number twice, also after removals, a clearing and another opening", async () => {
    const { storage, connection } = await open();
    const seen = [await add(connection, 1), await add(connection, 2)];
    await connection.transaction("write", ["rows"], (tx) => tx.delete("rows", seen[1]!));
    seen.push(await add(connection, 3));
    await connection.transaction("write", ["rows"], (tx) => tx.clear("rows"));
    seen.push(await add(connection, 4));
    connection.close();
    seen.push(await add(await storage.open("a"), 5));
    expect(new Set(seen).size).toBe(5);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("runs transactions that begin at the same time one after another", async () => {
    const { connection } = await open();
    const increments = Array.from({ length: 20 }, () => increment(connection));
    await Promise.all(increments);
    expect(await read(connection)).toBe(20);
  });

  it("does so for two connections to one store as well", async () => {
    const { storage, connection } = await open();
    const other = await storage.open("a");
    const connections = Array.from({ length: 20 }, (_, index) => (index % 2 ? connection : other));
    const keys = await Promise.all([
      ...connections.map((one) => add(one, "row")),
      ...connections.map(increment),
    ]);
    expect(await read(connection)).toBe(20);
    expect(new Set(keys.slice(0, 20)).size).toBe(20);
    expect(await rows(other)).toHaveLength(20);
  });

  it("lets nobody write in a transaction that only reads", async () => {
    const { connection } = await open();
    await connection
      .transaction("read", ["meta"], (tx) => tx.put("meta", "k", 1))
      .catch(() => undefined);
    expect(await read(connection)).toBeUndefined();
  });
});

function increment(connection: StorageConnection): Promise<number> {
  return connection.transaction("write", ["meta"], async (tx) => {
    const count = ((await tx.get("meta", "k")) as number | undefined) ?? 0;
    await tx.put("meta", "k", count + 1);
    return count;
  });
}
