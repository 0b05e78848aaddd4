import { createTransaction } from "@tanstack/db";
import { makeFunctionReference } from "convex/server";
import { v } from "convex/values";
import { describe, expect, it, vi } from "vitest";
import { compileFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import {
  api,
  collectionOf,
  fakeClient,
  type Config,
  type Tasks,
  withoutState,
} from "./collection-setup.test.js";
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

describe("two tables whose functions are in one module", () => {
  const named = (table: string) => ({ ...api, push: makeFunctionReference(`board:push${table}`) });

  it("have ids of their own, so that one transaction over both loses nothing", async () => {
    const { client, pushed } = fakeClient();
    const [tasks, projects] = ["Tasks", "Projects"].map((table) =>
      collectionOf(client, { api: named(table) as never, startSync: true }),
    ) as [Tasks, Tasks];
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => {
        tasks.utils.acceptMutations(transaction);
        projects.utils.acceptMutations(transaction);
      },
    });
    transaction.mutate(() => {
      tasks.insert({ id: "same", title: "a task" });
      projects.insert({ id: "same", title: "a project" });
    });
    await transaction.isPersisted.promise;
    await Promise.all([tasks.utils.flush(), projects.utils.flush()]);
    expect(tasks.get("same")).toMatchObject({ title: "a task" });
    expect(projects.get("same")).toMatchObject({ title: "a project" });
    expect(pushed).toEqual(["same", "same"]);
  });

  it("are named by their functions, and a table with a module of its own by that", () => {
    const { client } = fakeClient();
    expect(collectionOf(client, { api: named("Tasks") as never }).id).toBe("board:pushTasks");
    expect(collectionOf(client).id).toBe("tasks");
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

  it("take over each other's transactions: whichever is asked, nothing is lost", async () => {
    const { client, pushed } = fakeClient();
    const [one, two] = [collectionOf(client), collectionOf(client)];
    await Promise.all([one.preload(), two.preload()]);
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => one.utils.acceptMutations(transaction),
    });
    transaction.mutate(() => void two.insert({ id: "a", title: "t" }));
    await transaction.isPersisted.promise;
    await one.utils.flush();
    expect([one.has("a"), two.has("a"), pushed]).toEqual([true, true, ["a"]]);
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
    const { client, pushed, server } = fakeClient();
    const before = collectionOf(client, { startSync: true });
    await before.preload();
    await before.cleanup();
    server.fields = compileFields(more).hash;
    const after = collectionOf(client, { startSync: true, fields: more });
    after.insert({ id: "a", title: "t", more: "m" } as never);
    await after.utils.when("a", "accepted");
    expect(pushed).toEqual(["a"]);
  });

  it("and whoever goes on using the old one is told", async () => {
    const { client } = fakeClient();
    const before = collectionOf(client, { startSync: true });
    await before.preload();
    collectionOf(client, { fields: more });
    expect(() => before.insert({ id: "b", title: "t" })).toThrow("with other fields");
    expect(before.has("b")).toBe(false);
    await before.cleanup();
    expect(() => before.startSyncImmediate()).toThrow("with other fields");
  });

  it("checks rows by the newest fields where these merely accept more", async () => {
    const { client } = fakeClient();
    const kinds = (...names: string[]) =>
      ({ ...taskFields, title: v.union(...names.map((name) => v.literal(name))) }) as never;
    const before = collectionOf(client, { startSync: true, fields: kinds("a", "b") });
    await before.preload();
    const insertC = (tasks: Tasks) => tasks.insert({ id: "c", title: "c" });
    expect(() => insertC(before)).toThrow(expect.objectContaining({ code: "INVALID_ROW" }));
    const after = collectionOf(client, { fields: kinds("a", "b", "c") });
    insertC(after);
    await after.utils.when("c", "accepted");
    expect(before.get("c")).toMatchObject({ title: "c" });
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
      [{ id: "forbidden", op: "insert", row: { id: "forbidden", title: "t" }, base: null }],
    ]);
    expect(tasks.utils.outbox.list()).toMatchObject([{ code: "FORBIDDEN", message: "No." }]);
  });
});

describe("a write that cannot be stored", () => {
  const good = { id: "a", title: "t" };
  it.each<[string, object, string]>([
    ["a Date", { id: "b", title: new Date() }, "INVALID_VALUE"],
    ["a field nobody declared", { ...good, colour: "red" }, "INVALID_ROW"],
    ["too much", { ...good, data: new ArrayBuffer(1_200_000) }, "ROW_TOO_LARGE"],
    ["an id that is too long", { ...good, id: "x".repeat(129) }, "INVALID_ID"],
    ["no id", { title: "t" }, "INVALID_ID"],
    ["no row", null as never, "INVALID_VALUE"],
  ])("throws from insert(), and nothing of it is taken: %s", async (_what, row, code) => {
    const { client, pushed } = fakeClient();
    const tasks = collectionOf(client);
    const bad = row as typeof good;
    expect(() => tasks.insert(bad)).toThrow(expect.objectContaining({ code }));
    expect(() => tasks.insert([{ ...good, id: "c" }, bad])).toThrow(expect.any(ReplicateError));
    await tasks.preload();
    await tasks.utils.flush();
    expect([tasks.size, pushed]).toEqual([0, []]);
  });

  it("throws from update(), which leaves the row as it is", async () => {
    const { client } = fakeClient();
    const tasks = collectionOf(client, { startSync: true });
    tasks.insert(good);
    await tasks.utils.flush();
    const update = (changes: object) => () =>
      tasks.update("a", (draft) => void Object.assign(draft, changes));
    expect(update({ title: 1 })).toThrow(expect.objectContaining({ code: "INVALID_ROW" }));
    expect(update({ colour: "red" })).toThrow(expect.objectContaining({ code: "INVALID_ROW" }));
    expect(update({ details: { crème: 1 } })).toThrow(expect.any(ReplicateError));
    expect(tasks.get("a")).toMatchObject(good);
    update({ title: "new" })();
    expect(tasks.get("a")).toMatchObject({ title: "new" });
  });

  it("is reported where only a transaction made by hand would know", async () => {
    const report = vi.spyOn(console, "error").mockReturnValue();
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    const mutations = [
      { type: "insert", key: "a", original: {}, modified: { id: "b" }, collection: tasks },
    ] as const;
    expect(() => tasks.utils.acceptMutations({ mutations })).toThrow("must be the same");
    expect(report.mock.calls).toMatchObject([[expect.any(String), { code: "INVALID_ID" }]]);
    report.mockRestore();
  });
});

describe("a write made in a callback of another write", () => {
  const onFirst = (tasks: Tasks, type: string, work: (id: string) => unknown) => {
    let isDone = false;
    tasks.subscribeChanges((changes) => {
      for (const change of changes) {
        if (isDone || change.type !== type) continue;
        isDone = true;
        work(change.key);
      }
    });
  };
  const numberOf = async (tasks: Tasks, number: number) => {
    await tasks.utils.flush();
    expect(tasks.get("a")).toMatchObject({ number });
    expect(tasks.utils.status.get()).toMatchObject({ pending: 0, rejected: 0 });
  };
  const set = (tasks: Tasks, number: number) =>
    tasks.update("a", (draft) => void (draft.number = number));

  it("comes after it: an edit of an insert", async () => {
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    onFirst(tasks, "insert", () => set(tasks, 100));
    tasks.insert({ id: "a", title: "t", number: 0 });
    expect(tasks.get("a")).toMatchObject({ number: 100 });
    await numberOf(tasks, 100);
    const ops = tasks.utils.outbox.list().map(({ op }) => op);
    expect(ops).toEqual([]);
  });

  it("comes after it: a removal of an insert", async () => {
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    onFirst(tasks, "insert", (id) => tasks.delete(id));
    tasks.insert({ id: "a", title: "t" });
    await tasks.utils.flush();
    expect(tasks.has("a")).toBe(false);
    expect(tasks.utils.status.get()).toMatchObject({ pending: 0, rejected: 0 });
  });

  it.each<[string, (tasks: Tasks) => unknown, number | undefined]>([
    ["an edit", (tasks) => set(tasks, 100), 100],
    ["a removal", (tasks) => tasks.delete("a"), undefined],
  ])(
    "comes after an insert where TanStack DB does not say so: %s",
    async (_what, write, number) => {
      const tasks = collectionOf(fakeClient().client, { startSync: true }, withoutState);
      onFirst(tasks, "insert", () => write(tasks));
      tasks.insert({ id: "a", title: "t", number: 0 });
      await tasks.utils.flush();
      expect(tasks.get("a")?.number).toBe(number);
      expect(tasks.utils.outbox.list()).toEqual([]);
    },
  );

  it("comes after it, and one inside that one after that", async () => {
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    tasks.insert({ id: "a", title: "t", number: 0 });
    await tasks.utils.flush();
    let depth = 0;
    tasks.subscribeChanges(
      (changes) => {
        const isOwn = changes.some(({ type, value }) => type === "update" && value.number! > depth);
        if (isOwn && depth < 3) set(tasks, 10 + ++depth);
      },
      { includeInitialState: true },
    );
    set(tasks, 10);
    expect(tasks.get("a")).toMatchObject({ number: 13 });
    await numberOf(tasks, 13);
  });
});

describe("getKey", () => {
  it("can be left out, or return the id", async () => {
    const tasks = collectionOf(fakeClient().client, { getKey: (row) => row.id });
    tasks.insert({ id: "a", title: "t" });
    expect(tasks.get("a")).toMatchObject({ id: "a" });
  });

  it("that returns anything but the id is refused on a write, and collapses no rows", async () => {
    const report = vi.spyOn(console, "error").mockReturnValue();
    const log = ["a", "b"].map((document) =>
      entry(1, bytesOf(inserting({ title: "same" })), { document }),
    );
    const tasks = collectionOf(fakeClient(log).client, { getKey: (row) => row.title });
    await tasks.preload();
    expect([...tasks.keys()].sort()).toEqual(["a", "b"]);
    expect(report.mock.calls).toMatchObject([[expect.any(String), { code: "INVALID_OPTIONS" }]]);
    report.mockRestore();
    const refused = expect.objectContaining({ code: "INVALID_OPTIONS" });
    expect(() => tasks.insert({ id: "c", title: "t" })).toThrow(refused);
    expect(() => tasks.update("a", (draft) => void (draft.done = true))).toThrow(refused);
  });
});

it.each<[string, object, RegExp]>([
  ["a handler", { onInsert: () => undefined }, /does not take `onInsert`/],
  ["a schema", { schema: {} }, /does not take `schema`/],
  ["a sync mode", { syncMode: "on-demand" }, /does not take `syncMode`/],
  [
    "a misspelt name",
    { coalesceMS: 5 },
    /has no option `coalesceMS`; did you mean `coalesceMs`\?$/,
  ],
  ["an unknown name", { colour: 5 }, /has no option `colour`\. Options: convexClient, api, .*\.$/],
  ["no fields", { fields: undefined }, /needs `fields`/],
  ["no client", { convexClient: undefined }, /needs `convexClient`/],
  [
    "an address for a client",
    { convexClient: "http://localhost" },
    /must be an object, but is "http/,
  ],
  ["no api", { api: undefined }, /needs `api`/],
  ["a text for a time", { coalesceMs: "50" }, /`coalesceMs` must be a number, but is "50"\.$/],
  [
    "a negative time",
    { coalesceMs: -5 },
    /`coalesceMs` must be a number from 0 to 60000, but is -5\.$/,
  ],
  ["a time without end", { coalesceMs: Infinity }, /`coalesceMs` must be .* but is Infinity\.$/],
  ["a time that is too long", { coalesceMs: 60_001 }, /`coalesceMs` must be .* but is 60001\.$/],
  ["a number for a name", { storageName: 5 }, /`storageName` must be a string, but is 5\.$/],
])("options with %s are refused, and told how", (_what, rest, message) => {
  const { client } = fakeClient();
  const refused = expect(() => collectionOf(client, rest as Partial<Config>));
  refused.toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
  expect(() => collectionOf(client, rest as Partial<Config>)).toThrow(message);
});
