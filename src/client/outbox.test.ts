import { jsonToConvex } from "convex/values";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ReplicateError } from "../shared/errors.js";
import { collectionOf, fakeClient, type Tasks } from "./collection-setup.test.js";
import type { OutboxItem, RejectedChange } from "./outbox-items.js";
import { bytesOf, entry, inserting, PATIENTLY, type taskFields } from "./setup.test.js";
import type { Row } from "../shared/fields.js";
import { memoryStorage } from "./storage/memory.js";

type Task = Row<typeof taskFields>;

afterEach(() => vi.unstubAllGlobals());

const forbidden = (n: number) => ({ id: `forbidden${n}`, title: `${n}` });
const refusedOf = (tasks: Tasks) =>
  tasks.utils.outbox.list().filter((item) => item.status === "rejected");
const documents = (tasks: Tasks) => tasks.utils.outbox.list().map(({ id }) => id);

/** A collection with two refused inserts. */
async function withRefusals(log = fakeClient()) {
  const tasks = collectionOf(log.client, { startSync: true });
  tasks.insert([forbidden(1), forbidden(2)]);
  await tasks.utils.flush();
  return { tasks, ...log };
}

describe("the list", () => {
  it("has what waits, oldest first, and what was refused, with rows", async () => {
    const there = entry(1, bytesOf(inserting({ title: "theirs" })), { document: "forbidden" });
    const { client } = fakeClient([there]);
    const tasks = collectionOf(client);
    await tasks.preload();
    const before = Date.now();
    tasks.update("forbidden", (draft) => void (draft.title = "mine"));
    tasks.insert({ id: "new", title: "n" });
    expect(tasks.utils.outbox.list()).toMatchObject([
      { status: "pending", id: "forbidden", op: "update", row: { title: "mine" } },
      { status: "pending", id: "new", op: "insert", row: { title: "n" }, base: null },
    ]);
    await tasks.utils.flush();
    const [item, ...others] = refusedOf(tasks);
    expect(others).toEqual([]);
    expect(item).toMatchObject({
      status: "rejected",
      code: "FORBIDDEN",
      message: "No.",
      changes: [{ path: ["title"], value: "mine" }],
      row: { id: "forbidden", title: "mine" },
      base: { id: "forbidden", title: "theirs" },
    });
    expect(item!.madeAt).toBeGreaterThanOrEqual(before);
    expect(tasks.get("forbidden")).toMatchObject({ title: "theirs" });
  });

  it("is the same array until something in it changes, and items are the same until they do", async () => {
    const { tasks } = await withRefusals();
    const first = tasks.utils.outbox.list();
    tasks.insert({ id: "passes", title: "t" });
    expect(tasks.utils.outbox.list()).not.toBe(first);
    expect(tasks.utils.outbox.list().slice(0, 2)).toEqual(first);
    expect(tasks.utils.outbox.list()[0]).toBe(first[0]);
    await tasks.utils.flush();
    const after = tasks.utils.outbox.list();
    expect(after[0]).toBe(first[0]);
    await tasks.utils.outbox.retry(99); // reads the disk again, where everything is as it was
    expect(tasks.utils.outbox.list()).toBe(after);
  });

  it("tells subscribers, like the status, when nothing is known any more", async () => {
    const { tasks } = await withRefusals();
    tasks.utils.outbox.subscribe(() => undefined);
    expect(refusedOf(tasks)).toHaveLength(2);
    await tasks.cleanup();
    expect(tasks.utils.status.get().rejected).toBe(0);
    expect(refusedOf(tasks)).toEqual([]);
  });

  it("shows the base as it is now", async () => {
    const { client } = fakeClient();
    const tasks = collectionOf(client, { startSync: true });
    tasks.insert({ id: "a", title: "t" });
    await tasks.utils.flush();
    tasks.update("a", (draft) => void (draft.number = 1));
    const [before] = tasks.utils.outbox.list();
    expect(before).toMatchObject({ base: { id: "a", title: "t" }, row: { title: "t", number: 1 } });
    await tasks.utils.flush();
    expect(tasks.utils.outbox.list()).toEqual([]);
  });

  it("is empty before the collection has started", () => {
    expect(collectionOf(fakeClient().client).utils.outbox.list()).toEqual([]);
  });
});

describe("a subscription", () => {
  it("hears of every change of the list, and of nothing else", async () => {
    const { tasks } = await withRefusals();
    const seen: string[][] = [];
    const stop = tasks.utils.outbox.subscribe(() => seen.push(documents(tasks)));
    await tasks.utils.outbox.retry(99);
    expect(seen).toEqual([]);
    tasks.insert({ id: "passes", title: "t" });
    expect(seen).toEqual([["forbidden1", "forbidden2", "passes"]]);
    await tasks.utils.flush();
    expect(seen.at(-1)).toEqual(["forbidden1", "forbidden2"]);
    stop();
    stop();
    const heard = seen.length;
    await tasks.utils.outbox.discard(refusedOf(tasks)[0]!.seq);
    expect(seen).toHaveLength(heard);
  });

  it("goes on for the others when one leaves twice", async () => {
    const { tasks } = await withRefusals();
    const stop = tasks.utils.outbox.subscribe(() => undefined);
    const listener = vi.fn();
    tasks.utils.outbox.subscribe(listener);
    stop();
    stop();
    await tasks.utils.outbox.discard(refusedOf(tasks)[0]!.seq);
    expect(listener).toHaveBeenCalled();
  });
});

describe("retry and discard", () => {
  it("do what they say, and say whether they did", async () => {
    const { tasks, pushed } = await withRefusals();
    const [first, second] = refusedOf(tasks);
    expect(await tasks.utils.outbox.discard(first!.seq)).toBe(true);
    expect(await tasks.utils.outbox.retry(second!.seq)).toBe(true);
    await tasks.utils.flush();
    expect(pushed).toEqual(["forbidden1", "forbidden2", "forbidden2"]);
    expect(documents(tasks)).toEqual(["forbidden2"]);
  });

  it("do nothing a second time", async () => {
    const { tasks, pushed } = await withRefusals();
    const [first, second] = refusedOf(tasks);
    const { retry, discard } = tasks.utils.outbox;
    expect(await Promise.all([retry(first!.seq), retry(first!.seq)])).toEqual([true, false]);
    expect(await Promise.all([discard(second!.seq), discard(second!.seq)])).toEqual([true, false]);
    expect(await Promise.all([retry(second!.seq), discard(first!.seq)])).toEqual([false, false]);
    await tasks.utils.flush();
    expect(pushed.filter((document) => document === "forbidden1")).toHaveLength(2);
  });

  it("leave a change alone that is not refused", async () => {
    const { client } = fakeClient();
    Object.assign(client, { mutation: () => new Promise<never>(() => undefined) });
    const tasks = collectionOf(client, { startSync: true });
    tasks.insert({ id: "a", title: "t" });
    await vi.waitFor(() => expect(tasks.utils.outbox.list()[0]?.seq).toBe(1), PATIENTLY);
    expect(await tasks.utils.outbox.discard(1)).toBe(false);
    expect(await tasks.utils.outbox.retry(1)).toBe(false);
    expect(await tasks.utils.outbox.discard(-5)).toBe(false);
    expect(documents(tasks)).toEqual(["a"]);
  });

  it.each([[null], [undefined], ["1"], [{ seq: 1 }]])("refuse %o, and say why", async (seq) => {
    const { tasks } = await withRefusals();
    for (const act of [tasks.utils.outbox.retry, tasks.utils.outbox.discard]) {
      const error: unknown = await act(seq as never).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ReplicateError);
      expect(error).toMatchObject({
        code: "INVALID_ID",
        message: expect.stringMatching(/the seq/),
      });
    }
  });

  it("bring an insert and the edits refused along with it back together", async () => {
    let isStrict = true;
    const { client } = fakeClient([], ({ generation }) =>
      isStrict
        ? { status: "rejected", code: "NO", message: "No." }
        : { status: "accepted", generation, ts: null },
    );
    const tasks = collectionOf(client, { startSync: true });
    tasks.insert({ id: "a", title: "t" });
    tasks.update("a", (draft) => void (draft.number = 1));
    tasks.update("a", (draft) => void (draft.done = true));
    await tasks.utils.flush();
    expect(tasks.has("a")).toBe(false);
    expect(refusedOf(tasks).map(({ row }) => row)).toEqual([
      { id: "a", title: "t" },
      { id: "a", title: "t", number: 1 },
      { id: "a", title: "t", number: 1, done: true },
    ]);
    isStrict = false;
    await Promise.all(refusedOf(tasks).map(({ seq }) => tasks.utils.outbox.retry(seq)));
    await tasks.utils.flush();
    expect(tasks.utils.outbox.list()).toEqual([]);
    expect(tasks.get("a")).toMatchObject({ title: "t", number: 1, done: true });
  });
});

describe("after a refusal", () => {
  it("later changes of the same document go on, and earlier ones went", async () => {
    const { client } = fakeClient([], ({ generation, parts }) => {
      const bytes = String.fromCharCode(...new Uint8Array(parts[0]?.update ?? new ArrayBuffer()));
      return bytes.includes("bad")
        ? { status: "rejected", code: "BAD_TITLE", message: "No." }
        : { status: "accepted", generation, ts: null };
    });
    const tasks = collectionOf(client, { startSync: true });
    tasks.insert({ id: "a", title: "t" });
    await tasks.utils.flush();
    tasks.update("a", (draft) => void (draft.number = 1));
    tasks.update("a", (draft) => void (draft.title = "bad"));
    tasks.update("a", (draft) => void (draft.done = true));
    await tasks.utils.flush();
    tasks.update("a", (draft) => void (draft.details = { due: "today" }));
    await tasks.utils.flush();
    expect(tasks.get("a")).toMatchObject({
      ...{ title: "t", number: 1, done: true },
      details: { due: "today" },
    });
    expect(refusedOf(tasks)).toMatchObject([{ code: "BAD_TITLE", row: { title: "bad" } }]);
  });

  it.each<[string, () => never | { status: "rejected"; code: string; message: string }, object]>([
    [
      "refuses it",
      () => ({ status: "rejected", code: "POISON", message: "No." }),
      { pending: 0, rejected: 1 },
    ],
    [
      "breaks on it",
      () => {
        throw new Error("a bug in a hook");
      },
      { pending: 1, rejected: 0 },
    ],
  ])("99 other documents have long gone when the server %s", async (_name, fate, status) => {
    const { client, pushed } = fakeClient([], ({ document, generation }) =>
      document === "poison" ? fate() : { status: "accepted", generation, ts: null },
    );
    const tasks = collectionOf(client, { startSync: true });
    const others = Array.from({ length: 99 }, (_, index) => `good${index}`);
    const ids = others.toSpliced(50, 0, "poison");
    tasks.insert(ids.map((id) => ({ id, title: "t" })));
    await vi.waitFor(() => expect(tasks.utils.status.get()).toMatchObject(status), PATIENTLY);
    const times = (id: string) => pushed.filter((document) => document === id).length;
    expect(Math.max(...others.map(times))).toBeLessThanOrEqual(2); // together, and then alone

    tasks.insert({ id: "later", title: "t" });
    await vi.waitFor(() => expect(tasks.utils.status.get()).toMatchObject(status), PATIENTLY);
    expect(times("later")).toBe(1);
    expect(documents(tasks)).toEqual(["poison"]);
  });
});

describe("the export", () => {
  it("is JSON, and says all there is to say, bytes and int64 too", async () => {
    const { client } = fakeClient();
    const tasks = collectionOf(client, { startSync: true });
    const data = new Uint8Array([1, 2, 3]).buffer;
    tasks.insert({ id: "forbidden", title: "t", big: 2n ** 60n, data, number: NaN });
    await tasks.utils.flush();
    tasks.insert({ id: "b", title: "waits" });
    const exported = tasks.utils.outbox.export();
    const mailed = JSON.parse(JSON.stringify(exported)) as typeof exported;
    expect(mailed).toEqual({ version: 1, items: expect.any(Array) });
    const items = mailed.items.map((item) => jsonToConvex(item) as unknown as OutboxItem<Task>);
    expect(items).toEqual(tasks.utils.outbox.list());
    await tasks.utils.flush();
  });

  it("can be applied elsewhere as the README says", async () => {
    const { tasks } = await withRefusals();
    tasks.insert({ id: "c", title: "waits" });
    const { items } = tasks.utils.outbox.export();

    const elsewhere = collectionOf(fakeClient().client, { startSync: true });
    elsewhere.insert({ id: "c", title: "is there" });
    for (const json of items) {
      const { id, op, changes, row } = jsonToConvex(json) as unknown as OutboxItem<Task>;
      const apply = (draft: object) =>
        changes.forEach(({ path: [name], value }) => Object.assign(draft, { [name!]: value }));
      if (op === "remove") elsewhere.delete(id);
      else if (!elsewhere.has(id)) elsewhere.insert(row!);
      else elsewhere.update(id, apply);
    }
    expect([...elsewhere.values()].map(({ id, title }) => [id, title]).sort()).toEqual([
      ["c", "waits"],
      ["forbidden1", "1"],
      ["forbidden2", "2"],
    ]);
    await Promise.all([tasks.utils.flush(), elsewhere.utils.flush()]);
  });
});

describe("onRejected", () => {
  it("gets the document, the reason, and both rows", async () => {
    const there = entry(1, bytesOf(inserting({ title: "theirs" })), { document: "forbidden" });
    const told: RejectedChange<Task>[] = [];
    const tasks = collectionOf(fakeClient([there]).client, { onRejected: (one) => told.push(one) });
    await tasks.preload();
    tasks.update("forbidden", (draft) => void (draft.title = "mine"));
    await tasks.utils.flush();
    const summaries = told.map(({ id, code, message, row, base }) => ({
      ...{ id, code, message, row, base },
    }));
    expect(summaries).toEqual([
      {
        id: "forbidden",
        code: "FORBIDDEN",
        message: "No.",
        row: { id: "forbidden", title: "mine" },
        base: { id: "forbidden", title: "theirs" },
      },
    ]);
    expect(told).toEqual(refusedOf(tasks));
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("a bug in a toast");
      },
    ],
    ["rejects", () => Promise.reject(new Error("a bug in a toast"))],
  ])("that %s stops nothing, and its error surfaces", async (_name, onRejected) => {
    const reportError = vi.fn();
    vi.stubGlobal("reportError", reportError);
    const { client, pushed } = fakeClient();
    const tasks = collectionOf(client, { startSync: true, onRejected });
    tasks.insert([forbidden(1), forbidden(2), { id: "passes", title: "t" }]);
    await tasks.utils.flush();
    tasks.insert({ id: "later", title: "t" });
    await tasks.utils.flush();
    expect(pushed).toEqual(["forbidden1", "forbidden2", "passes", "later"]);
    expect(documents(tasks)).toEqual(["forbidden1", "forbidden2"]);
    await vi.waitFor(() => expect(reportError).toHaveBeenCalledTimes(2), PATIENTLY);
    expect(reportError).toHaveBeenCalledWith(new Error("a bug in a toast"));
  });

  it("may decide at once", async () => {
    const { client } = fakeClient();
    const tasks: Tasks = collectionOf(client, {
      startSync: true,
      onRejected: ({ seq }) => tasks.utils.outbox.discard(seq),
    });
    tasks.insert([forbidden(1), forbidden(2)]);
    await tasks.utils.flush();
    await vi.waitFor(() => expect(tasks.utils.outbox.list()).toEqual([]), PATIENTLY);
  });
});

/** Web Locks, one holder at a time. */
function fakeLocks() {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    request(_name: string, _options: object, run: () => Promise<unknown>) {
      turn = turn.then(run);
      return turn;
    },
  };
}

describe("in two tabs", () => {
  it("either can retry and discard, both are told, and the list is the same", async () => {
    vi.stubGlobal("navigator", { locks: fakeLocks() });
    const storage = { ...memoryStorage(), kind: "indexeddb" as const };
    const told: string[] = [];
    const openTab = (name: string) =>
      collectionOf(fakeClient().client, {
        ...{ storage, storageName: "two tabs", startSync: true },
        onRejected: ({ id }) => told.push(`${name}: ${id}`),
      });
    const [one, two] = [openTab("one"), openTab("two")];
    await Promise.all([one.preload(), two.preload()]);
    two.insert([forbidden(1), forbidden(2)]);
    await vi.waitFor(() => expect(told).toHaveLength(4), PATIENTLY);
    expect(told.sort()).toEqual([
      ...["one: forbidden1", "one: forbidden2", "two: forbidden1", "two: forbidden2"],
    ]);
    const [first, second] = refusedOf(two);
    expect(await two.utils.outbox.discard(first!.seq)).toBe(true);
    expect(await one.utils.outbox.discard(first!.seq)).toBe(false);
    expect(await one.utils.outbox.retry(second!.seq)).toBe(true);
    expect(await two.utils.outbox.retry(second!.seq)).toBe(false);
    await vi.waitFor(() => expect(told).toHaveLength(6), PATIENTLY);
    await vi.waitFor(
      () => expect(two.utils.outbox.list()).toEqual(one.utils.outbox.list()),
      PATIENTLY,
    );
    expect(documents(two)).toEqual(["forbidden2"]);
  });
});
