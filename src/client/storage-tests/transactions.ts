import { STORES, type StorageConnection } from "../storage/storage.js";
import { rejects, same } from "./assert.js";
import { add, all, get, put, type StorageTest } from "./context.js";

const ROUNDS = 20;

/** Atomic, isolated, one after another. */
export const TRANSACTIONS: readonly StorageTest[] = [
  [
    "resolves to what the body returns",
    async ({ open }) => {
      const result = (await open()).transaction("read", ["meta"], async () => "result");
      same(await result, "result", "the result");
    },
  ],
  [
    "writes nothing of a transaction that throws, tells its error, and goes on working",
    async ({ open }) => {
      const connection = await open();
      await put(connection, "meta", "k", "before");
      const key = await add(connection, "outbox", "before");
      const stop = Object.assign(new Error("stop"), { code: "STOP" });
      const failing = connection.transaction("durable", STORES, async (tx) => {
        await tx.put("meta", "k", "after");
        await tx.put("documents", "k", "after");
        await tx.add("rows", "after");
        await tx.delete("outbox", key);
        await tx.clear("meta");
        throw stop;
      });
      await rejects(failing, "the transaction", "STOP");
      for (const page of [connection, await open()]) {
        same(await get(page, "meta", "k"), "before", "a value that was replaced and cleared");
        same(await get(page, "documents", "k"), undefined, "a new value");
        same(await all(page, "rows"), [], "what was added");
        same(await get(page, "outbox", key), "before", "what was deleted");
      }
      await put(connection, "meta", "k", "later");
      same(await get(connection, "meta", "k"), "later", "what is written afterwards");
    },
  ],
  [
    "shows a transaction its own writes",
    async ({ open }) => {
      const connection = await open();
      await put(connection, "documents", "old", 0);
      await connection.transaction("write", ["documents", "rows"], async (tx) => {
        await tx.put("documents", "new", 1);
        await tx.delete("documents", "old");
        same(await tx.get("documents", "new"), 1, "a value just put");
        same(await tx.getAll("documents"), [["new", 1]], "everything");
        const key = await tx.add("rows", "row");
        same(await tx.getAll("rows", key - 1), [[key, "row"]], "what was just added");
        await tx.clear("documents");
        same(await tx.getAll("documents"), [], "a store just cleared");
      });
    },
  ],
  [
    "never shows others half of a transaction",
    async ({ open }) => {
      const [writer, reader] = [await open(), await open()];
      const writing = repeat((round) =>
        writer.transaction("write", ["meta", "documents"], async (tx) => {
          await tx.put("meta", "k", round);
          await tx.get("meta", "k"); // a moment in which someone else might look
          await tx.put("documents", "k", round);
        }),
      );
      const reading = repeat(() =>
        reader.transaction("read", ["meta", "documents"], async (tx) => {
          const first = await tx.get("meta", "k");
          same(await tx.get("documents", "k"), first, "the two values");
        }),
      );
      await Promise.all([...writing, ...reading]);
    },
  ],
  [
    "runs transactions that write one after another, from however many pages",
    async ({ open }) => {
      const pages = [await open(), await open()] as const;
      await Promise.all([
        ...repeat((round) => increment(pages[round % 2]!)),
        ...repeat((round) => add(pages[round % 2]!, "rows", "row")),
      ]);
      same(await get(pages[0], "meta", "count"), ROUNDS, "the count");
      same((await all(pages[1], "rows")).length, ROUNDS, "rows");
    },
  ],
  [
    "writes nothing in a transaction that only reads",
    async ({ open }) => {
      const connection = await open();
      const writing = connection.transaction("read", ["meta"], (tx) => tx.put("meta", "k", 1));
      await writing.catch(() => undefined);
      same(await get(connection, "meta", "k"), undefined, "the value");
    },
  ],
  [
    "refuses what comes after closing, and closes no other page's connection",
    async ({ open }) => {
      const [closed, other] = [await open(), await open()];
      closed.close();
      closed.close();
      await rejects(put(closed, "meta", "k", 1), "a transaction of the closed one");
      await put(other, "meta", "k", 2);
      same(await get(other, "meta", "k"), 2, "what the other one wrote");
    },
  ],
];

function repeat<T>(work: (round: number) => Promise<T>): Promise<T>[] {
  return Array.from({ length: ROUNDS }, (_, round) => work(round));
}

function increment(connection: StorageConnection): Promise<void> {
  return connection.transaction("write", ["meta"], async (tx) => {
    const count = ((await tx.get("meta", "count")) as number | undefined) ?? 0;
    await tx.put("meta", "count", count + 1);
  });
}
