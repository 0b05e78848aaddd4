import { createTransaction } from "@tanstack/db";
import { makeFunctionReference } from "convex/server";
import { describe, expect, it, vi } from "vitest";
import { compileFields } from "../shared/compiled-fields.js";
import { api, collectionOf, fakeClient, type Config } from "./collection-setup.test.js";
import { bytesOf, entry, inserting, taskFields } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";

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
    for (const open of [
      () => collectionOf(client, { startSync: true, identity: "bob" }),
      () => collectionOf(client, { startSync: true, identity: "ann", storageName: "elsewhere" }),
      () => collectionOf(fakeClient().client, { startSync: true, identity: "ann" }),
    ]) {
      const other = open(); // one at a time: another identity suspends the one before
      await other.preload();
      expect(other.has("a")).toBe(false);
    }
  });

  it("of two identities: the one before is not synced any more until it returns", async () => {
    const { client, pushed } = fakeClient();
    const storage = memoryStorage();
    const ann = collectionOf(client, { startSync: true, identity: "ann", storage });
    await ann.preload();
    const bob = collectionOf(client, { startSync: true, identity: "bob", storage });
    ann.insert({ id: "a", title: "t" });
    bob.insert({ id: "b", title: "t" });
    await bob.utils.flush();
    expect(pushed).toEqual(["b"]);
    expect(ann.utils.status.get()).toMatchObject({
      phase: "blocked",
      pending: 1,
      reason: { code: "IDENTITY_CHANGED" },
    });
    await ann.cleanup();
    const again = collectionOf(client, { startSync: true, identity: "ann", storage });
    await again.utils.flush();
    expect(pushed).toEqual(["b", "a"]);
    expect([again.has("a"), again.has("b")]).toEqual([true, false]);
    expect(bob.utils.status.get().phase).toBe("blocked");
  });

  it("never share data between identities, whatever their storageName", async () => {
    const { client } = fakeClient();
    const storage = memoryStorage();
    const ann = collectionOf(client, {
      startSync: true,
      identity: "ann",
      storage,
      storageName: "x",
    });
    ann.insert({ id: "a", title: "t" });
    const bob = collectionOf(client, {
      startSync: true,
      identity: "bob",
      storage,
      storageName: "x",
    });
    await bob.preload();
    expect(bob.has("a")).toBe(false);
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

describe("a collection that is made again with something else, as a hot reload does", () => {
  const more = { ...taskFields, more: taskFields.title } as never;

  it("takes the place of one that is in use, with what that one had not sent", async () => {
    const { client, pushed, server } = fakeClient();
    const storage = { ...memoryStorage(), kind: "indexeddb" };
    const before = collectionOf(client, { startSync: true, storage, coalesceMs: 60_000 });
    await before.preload();
    before.insert({ id: "a", title: "t" });
    await before.utils.when("a", "durable");
    server.fields = compileFields(more).hash;
    const after = collectionOf(client, { startSync: true, storage, fields: more });
    await after.preload();
    expect(after.get("a")).toMatchObject({ title: "t" });
    await after.utils.flush();
    expect(pushed).toEqual(["a"]);
    expect(before.utils.status.get().reason).toMatchObject({ code: "COLLECTION_CONFLICT" });
  });

  it("takes the place of one that was cleaned up first, too", async () => {
    const { client, server } = fakeClient();
    const before = collectionOf(client, { startSync: true });
    await before.preload();
    await before.cleanup();
    server.fields = compileFields(more).hash;
    const after = collectionOf(client, { startSync: true, fields: more });
    after.insert({ id: "a", title: "t", more: "m" } as never);
    await after.utils.when("a", "accepted");
  });

  it("and whoever goes on using the old one is told", async () => {
    const { client } = fakeClient();
    const before = collectionOf(client, { startSync: true });
    await before.preload();
    collectionOf(client, { fields: more });
    const late = before.insert({ id: "b", title: "t" });
    await expect(late.isPersisted.promise).rejects.toMatchObject({ code: "COLLECTION_CONFLICT" });
    expect(before.has("b")).toBe(false);
    await before.cleanup();
    expect(() => before.startSyncImmediate()).toThrow("with other fields");
  });

  it("but never for other server functions", async () => {
    const { client } = fakeClient();
    const tasks = collectionOf(client, { startSync: true, storageName: "same" });
    await tasks.preload();
    const notes = { ...api, push: makeFunctionReference("notes:push") } as never;
    expect(() => collectionOf(client, { api: notes, storageName: "same" })).toThrow(
      "with other server functions",
    );
    tasks.insert({ id: "a", title: "t" });
    await tasks.utils.flush();
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
    expect(tasks.utils.outbox.list()).toMatchObject([{ code: "FORBIDDEN", message: "No." }]);
  });
});
