import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { LocalData } from "./local-data.js";
import { Saver } from "./saver.js";
import { indexedDBStorage } from "./storage/indexeddb.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage } from "./storage/storage.js";
import { fields, inserting, quiet, VirtualTime } from "./setup.test.js";

// What the client should do and does not do yet. Whoever makes one pass turns its `it.fails` into
// `it` and moves it to its topic.

it.fails("a storage that takes no writes stays reported while it can still be read", async () => {
  const time = new VirtualTime();
  const memory = memoryStorage();
  const full: ReplicaStorage = {
    kind: "indexeddb",
    async open(name) {
      const connection = await memory.open(name);
      return {
        close: () => connection.close(),
        transaction: (mode, stores, body) =>
          mode === "durable"
            ? Promise.reject(new Error("The disk is full."))
            : connection.transaction(mode, stores, body),
      };
    },
  };
  const nobody = { shown() {}, stored() {}, changed() {}, rejected() {}, lost() {} };
  const data = new LocalData({ name: "a", fields, storage: full, environment: time }, nobody);
  const saver = new Saver(time, (records) => data.save(records), data.reportStorage);
  await data.opened;
  const records = data.add([
    { document: "a", kind: "insert", operations: inserting({ title: "t" }) },
  ]);
  void saver.save(records);
  await quiet();
  expect(data.storage.error).toContain("The disk is full.");
  await data.reload(); // another tab has changed something
  expect(data.storage.error).toContain("The disk is full.");
});

it.fails(
  "a connection to IndexedDB that was closed is not opened again by a late use",
  async () => {
    globalThis.indexedDB = new IDBFactory();
    const connection = await indexedDBStorage().open("a");
    connection.close();
    await expect(
      connection.transaction("read", ["meta"], (tx) => tx.get("meta", "k")),
    ).rejects.toThrow();
  },
);
