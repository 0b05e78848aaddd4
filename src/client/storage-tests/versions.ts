import type { StorageTransaction } from "../storage/storage.js";
import { rejects, same } from "./assert.js";
import { add, all, get, put, type StorageTest } from "./context.js";

/** Upgrades, and pages of different versions. */
export const VERSIONS: readonly StorageTest[] = [
  [
    "upgrades what an older version stored, once and completely",
    async ({ open }) => {
      const older = await open({ version: 2 });
      await put(older, "meta", "k", "old");
      const key = await add(older, "outbox", "old");
      older.close();
      const calls: number[] = [];
      const options = {
        version: 4,
        upgrade: async (tx: StorageTransaction, from: number) => {
          calls.push(from);
          await tx.put("meta", "k", [await tx.get("meta", "k")]);
          for (const [at, value] of await tx.getAll("outbox")) await tx.put("outbox", at, [value]);
        },
      };
      for (let page = 0; page < 2; page++) {
        const newer = await open(options);
        same(await get(newer, "meta", "k"), ["old"], "a value");
        same(await all(newer, "outbox"), [[key, ["old"]]], "a record, in its place");
        newer.close();
      }
      same(calls, [2], "versions that were upgraded from");
    },
  ],
  [
    "upgrades nothing where nothing was",
    async ({ open }) => {
      const calls: number[] = [];
      await open({ version: 3, upgrade: async (_tx, from) => void calls.push(from) });
      same(calls, [], "upgrades of a new store");
    },
  ],
  [
    "refuses to open what a newer version stored, and leaves it as it is",
    async ({ open }) => {
      const newer = await open({ version: 2 });
      await put(newer, "meta", "k", "new");
      newer.close();
      await rejects(open({ version: 1 }), "opening as version 1", "NEWER_DATA");
      same(await get(await open({ version: 2 }), "meta", "k"), "new", "the value");
    },
  ],
  [
    "changes nothing when an upgrade fails, and upgrades the next time",
    async ({ open }) => {
      const older = await open({ version: 1 });
      await put(older, "meta", "k", "old");
      older.close();
      const failing = open({
        version: 2,
        upgrade: async (tx) => {
          await tx.put("meta", "k", "half");
          throw new Error("stop");
        },
      });
      await rejects(failing, "opening");
      const again = await open({ version: 1 });
      same(await get(again, "meta", "k"), "old", "the value after the failure");
      again.close();
      const upgrade = async (tx: StorageTransaction) => tx.put("meta", "k", "new");
      same(await get(await open({ version: 2, upgrade }), "meta", "k"), "new", "the value at last");
    },
  ],
];
