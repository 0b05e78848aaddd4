import { describe, expect, it } from "vitest";
import { collectionOf, fakeClient, type Tasks } from "./collection-setup.test.js";
import { memoryStorage } from "./storage/memory.js";

/** A transaction that sets a title, as one that is read from a storage looks. */
const retitling = (collection: Tasks, title: string, id = "a") => ({
  mutations: [
    { type: "insert" as const, key: id, original: {}, modified: { id, title }, collection },
  ],
});
const titleOf = (tasks: Tasks) => tasks.get("a")?.title;

describe("a transaction with an idempotency key", () => {
  it("takes effect once, told twice in one breath", async () => {
    const { client, pushed } = fakeClient();
    const tasks = collectionOf(client, { startSync: true });
    const both = ["first", "second"].map((title) =>
      tasks.utils.acceptMutations(retitling(tasks, title), { idempotencyKey: "k" }),
    );
    await Promise.all(both);
    expect(titleOf(tasks)).toBe("first");
    await tasks.utils.flush();
    expect(pushed).toEqual(["a"]);
  });

  it("takes effect once, told again by a later page, and nobody waits for what was dropped", async () => {
    const storage = memoryStorage();
    const openPage = () => collectionOf(fakeClient().client, { storage });
    const before = openPage();
    await before.utils.acceptMutations(retitling(before, "first"), { idempotencyKey: "k" });
    expect(before.utils.outbox.list()).toMatchObject([{ seq: 1 }]); // on disk when it resolves
    await before.utils.flush();

    const after = openPage();
    await after.preload();
    const again = after.utils.acceptMutations(retitling(after, "second"), { idempotencyKey: "k" });
    await Promise.all([again, after.utils.when("a", "durable"), after.utils.flush()]);
    expect(titleOf(after)).not.toBe("second");
    expect(after.utils.status.get().pending).toBe(0);
    expect(after.utils.outbox.list()).toEqual([]);
  });

  it("does not stop those with other keys, or with none", async () => {
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    const { acceptMutations } = tasks.utils;
    await acceptMutations(retitling(tasks, "one"), { idempotencyKey: "1" });
    await acceptMutations(retitling(tasks, "two"), { idempotencyKey: "2" });
    expect(titleOf(tasks)).toBe("two");
    acceptMutations(retitling(tasks, "three"));
    expect(titleOf(tasks)).toBe("three");
    await tasks.utils.flush();
  });

  it("is remembered for long enough, and not for ever", async () => {
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    const accept = (key: number, id: string) =>
      tasks.utils.acceptMutations(retitling(tasks, `${key}`, id), { idempotencyKey: `${key}` });
    for (let key = 0; key < 201; key++) await accept(key, `a${key}`);
    await tasks.utils.flush();
    await accept(1, "remembered");
    await accept(0, "forgotten");
    expect([tasks.has("remembered"), tasks.has("forgotten")]).toEqual([false, true]);
    await tasks.utils.flush();
  });

  it("is taken by a collection that has not started, and by no other", async () => {
    const [one, two] = [fakeClient(), fakeClient()];
    const [tasks, others] = [collectionOf(one.client), collectionOf(two.client)];
    await others.utils.acceptMutations(retitling(tasks, "t"), { idempotencyKey: "k" });
    await tasks.utils.acceptMutations(retitling(tasks, "t"), { idempotencyKey: "k" });
    await Promise.all([tasks.utils.flush(), others.utils.flush()]);
    expect([one.pushed, two.pushed]).toEqual([["a"], []]);
  });

  it("rejects when a row cannot be stored, and can be tried again", async () => {
    const tasks = collectionOf(fakeClient().client, { startSync: true });
    const bad = tasks.utils.acceptMutations(retitling(tasks, 5 as never), { idempotencyKey: "k" });
    await expect(bad).rejects.toMatchObject({ code: "INVALID_ROW" });
    await tasks.utils.acceptMutations(retitling(tasks, "good"), { idempotencyKey: "k" });
    expect(titleOf(tasks)).toBe("good");
    await tasks.utils.flush();
  });
});
