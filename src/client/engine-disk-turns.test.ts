import { expect, it } from "vitest";
import type { Result } from "../shared/wire.js";
import { ReplicaStore } from "./store/replica-store.js";
import { fields, inserting, local } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage, StorageTransaction } from "./storage/storage.js";

/** A storage that answers all that was asked of it at once together, and counts how often it did. */
function countTurns(storage: ReplicaStorage) {
  let turns = 0;
  let waiting: (() => void)[] = [];
  const turn = () =>
    new Promise<void>((resolve) => {
      if (waiting.length === 0) {
        setImmediate(() => {
          turns += 1;
          const answered = waiting;
          waiting = [];
          for (const resolve of answered) resolve();
        });
      }
      waiting.push(resolve);
    });
  const slow = (tx: StorageTransaction) =>
    new Proxy(tx, {
      get:
        (target, name: keyof StorageTransaction) =>
        async (...args: unknown[]) => {
          await turn();
          return (target[name] as (...args: unknown[]) => unknown).apply(target, args);
        },
    });
  return {
    open: async () => {
      const connection = await storage.open("a");
      const transaction: typeof connection.transaction = (mode, stores, body) =>
        connection.transaction(mode, stores, (tx) => body(slow(tx)));
      return { ...connection, transaction };
    },
    async count(work: () => Promise<unknown>): Promise<number> {
      const before = turns;
      await work();
      return turns - before;
    },
  };
}

const accepted: Result = { status: "accepted", generation: 1, ts: null };

async function pushOf(documents: number) {
  const { open, count } = countTurns(memoryStorage());
  const store = new ReplicaStore(await open(), fields, Math.random);
  const names = Array.from({ length: documents }, (_, n) => `d${n}`);
  const records = names.map((document) => ({
    ...local("insert", 1, inserting({ title: "mine" })),
    document,
  }));
  const seqs = await store.addRecords(records);
  const asked = new Map(names.map((name, index) => [name, [seqs[index]!]]));
  const mint = await count(() => store.mint(asked, 0));
  const outgoing = await store.mint(asked, 0);
  const answers = outgoing.map((one) => ({ outgoing: one, result: accepted, seqs: one.seqs }));
  expect(answers).toHaveLength(documents);
  const settle = await count(() => store.settle(answers, 0));
  return { mint, settle };
}

it("a push of 100 documents waits for the disk as often as a push of one", async () => {
  expect(await pushOf(100)).toEqual(await pushOf(1));
});
