import { createCollection, createTransaction } from "@tanstack/db";
import { makeFunctionReference } from "convex/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PROTOCOL_VERSION } from "../shared/versions.js";
import type { Change, StreamEntry } from "../shared/wire.js";
import { convexCollectionOptions, type ConvexCollectionConfig } from "./collection.js";
import { bytesOf, entry, fields, inserting, taskFields } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import type { ConvexClientLike, ReplicateApi } from "./transport.js";

const api = {
  stream: makeFunctionReference("tasks:stream"),
  push: makeFunctionReference("tasks:push"),
  protocol: makeFunctionReference("tasks:protocol"),
} as unknown as ReplicateApi;

type Config = ConvexCollectionConfig<typeof taskFields>;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A client of a server that accepts everything but titles that are forbidden. */
function fakeClient(log: StreamEntry[] = []) {
  const pushed: string[] = [];
  const client = {
    query: async (_query: unknown, args: { cursor?: string | null }) =>
      "cursor" in args ? page() : { version: PROTOCOL_VERSION, fields: fields.hash },
    mutation: async (_mutation: unknown, { changes }: { changes: Change[] }) => {
      pushed.push(...changes.map(({ document }) => document));
      return changes.map(({ document, generation }) => ({
        document,
        result: document.startsWith("forbidden")
          ? { status: "rejected", code: "FORBIDDEN", message: "No." }
          : { status: "accepted", generation, ts: null },
      }));
    },
    onUpdate: (_query: unknown, _args: unknown, onResult: (result: unknown) => unknown) => {
      queueMicrotask(() => onResult(page()));
      return () => undefined;
    },
    connectionState: () => ({ isWebSocketConnected: true }),
    subscribeToConnectionState: () => () => undefined,
  } as unknown as ConvexClientLike;
  const page = () => ({ entries: log, cursor: "c", done: true, progress: 1 });
  return { client, pushed };
}

function collectionOf(convexClient: ConvexClientLike, rest: Partial<Config> = {}) {
  const config = { convexClient, api, fields: taskFields, storage: memoryStorage(), coalesceMs: 1 };
  const options = convexCollectionOptions({ ...config, getKey: (row) => row.id, ...rest });
  const collection = createCollection(options);
  cleanups.push(() => collection.cleanup());
  return collection;
}

describe("a collection that nobody has started yet", () => {
  it("loses no write", async () => {
    const { client, pushed } = fakeClient();
    const tasks = collectionOf(client);
    tasks.insert({ id: "a", title: "t" });
    await tasks.utils.flush();
    expect(pushed).toEqual(["a"]);
    await tasks.preload();
    expect(tasks.get("a")).toMatchObject({ title: "t" });
  });

  it("loses no write of a transaction made by hand", async () => {
    const { client, pushed } = fakeClient();
    const tasks = collectionOf(client);
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => tasks.utils.acceptMutations(transaction),
    });
    transaction.mutate(() => void tasks.insert({ id: "a", title: "t" }));
    await transaction.isPersisted.promise;
    await tasks.utils.flush();
    expect(pushed).toEqual(["a"]);
  });
});

describe("transactions over several collections", () => {
  it("each takes over its own mutations", async () => {
    const [one, two] = [fakeClient(), fakeClient()];
    const tasks = collectionOf(one.client, { startSync: true, id: "one" });
    const others = collectionOf(two.client, { startSync: true, id: "two" });
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => {
        tasks.utils.acceptMutations(transaction);
        others.utils.acceptMutations(transaction);
      },
    });
    transaction.mutate(() => {
      tasks.insert({ id: "a", title: "t" });
      others.insert({ id: "b", title: "t" });
    });
    await transaction.isPersisted.promise;
    await Promise.all([tasks.utils.flush(), others.utils.flush()]);
    expect([one.pushed, two.pushed]).toEqual([["a"], ["b"]]);
  });
});

describe("cleaning up and starting again", () => {
  it("brings the same rows, also those of changes in between", async () => {
    const { client, pushed } = fakeClient([
      entry(1, bytesOf(inserting({ title: "theirs" })), { document: "b" }),
    ]);
    const tasks = collectionOf(client);
    await tasks.preload();
    for (let round = 0; round < 3; round++) {
      tasks.insert({ id: `a${round}`, title: "t" });
      await tasks.cleanup();
      await tasks.preload();
    }
    await tasks.utils.flush();
    expect([...tasks.keys()].sort()).toEqual(["a0", "a1", "a2", "b"]);
    expect(pushed.sort()).toEqual(["a0", "a1", "a2"]);
  });
});

describe("two collections of the same table", () => {
  it("show the same, and send once", async () => {
    const { client, pushed } = fakeClient();
    const [one, two] = [collectionOf(client), collectionOf(client)];
    await Promise.all([one.preload(), two.preload()]);
    one.insert({ id: "a", title: "t" });
    expect(two.get("a")).toMatchObject({ title: "t" });
    const update = two.update("a", (draft) => void (draft.title = "new"));
    await update.isPersisted.promise; // until then TanStack DB holds back what others say
    expect(one.get("a")).toMatchObject({ title: "new" });
    await one.utils.flush();
    expect(new Set(pushed)).toEqual(new Set(["a"]));
  });

  it("are one engine only for one client, one identity and one name", async () => {
    const { client } = fakeClient();
    const tasks = collectionOf(client, { startSync: true, identity: "ann" });
    tasks.insert({ id: "a", title: "t" });
    for (const other of [
      collectionOf(client, { startSync: true, identity: "bob" }),
      collectionOf(client, { startSync: true, storageName: "elsewhere" }),
      collectionOf(fakeClient().client, { startSync: true, identity: "ann" }),
    ]) {
      await other.preload();
      expect(other.has("a")).toBe(false);
    }
    await tasks.utils.flush();
  });

  it.each<[string, Partial<Config>]>([
    ["fields", { fields: { ...taskFields, more: taskFields.title } as never }],
    ["coalesceMs", { coalesceMs: 99 }],
    ["storage", { storage: { ...memoryStorage(), kind: "indexeddb" } }],
    [
      "server functions",
      { api: { ...api, push: makeFunctionReference("notes:push") } as never, storageName: "same" },
    ],
  ])("with other %s are refused, and told how", (what, rest) => {
    const { client } = fakeClient();
    const name = "storageName" in rest ? { storageName: "same" } : {};
    collectionOf(client, name);
    const again = expect(() => collectionOf(client, rest));
    again.toThrow(`with other ${what}. Create it once`);
  });
});

describe("refused changes", () => {
  it("are reported once, however often a module was loaded again", async () => {
    const { client } = fakeClient();
    const stale = vi.fn();
    for (let reload = 0; reload < 3; reload++) {
      const before = collectionOf(client, { onRejected: stale });
      await before.preload();
      await before.cleanup();
    }
    const onRejected = vi.fn();
    const tasks = collectionOf(client, { onRejected });
    await tasks.preload();
    tasks.insert({ id: "forbidden", title: "t" });
    await tasks.utils.flush();
    expect(stale).not.toHaveBeenCalled();
    expect(onRejected.mock.calls).toMatchObject([
      [{ document: "forbidden", kind: "insert", row: { id: "forbidden", title: "t" }, base: null }],
    ]);
    expect(tasks.utils.outbox.list()).toMatchObject([{ rejected: { code: "FORBIDDEN" } }]);
  });

  it("can be discarded, and sent again", async () => {
    const { client, pushed } = fakeClient();
    const tasks = collectionOf(client, { startSync: true });
    tasks.insert([
      { id: "forbidden1", title: "t" },
      { id: "forbidden2", title: "t" },
    ]);
    await tasks.utils.flush();
    const [first, second] = tasks.utils.outbox.list();
    await tasks.utils.outbox.discard(first!.seq!);
    await tasks.utils.outbox.retry(second!.seq!);
    await tasks.utils.flush();
    expect(pushed).toEqual(["forbidden1", "forbidden2", "forbidden2"]);
    expect(tasks.utils.outbox.list()).toMatchObject([{ document: "forbidden2" }]);
  });
});
