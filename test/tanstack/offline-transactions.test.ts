import { NonRetriableError } from "@tanstack/offline-transactions";
import { indexedDBStorage } from "convex-replicate/client";
import "fake-indexeddb/auto";
import { describe, expect, it, vi } from "vitest";
import { executorStorage, onlineSwitch, startExecutor } from "./executor.js";
import {
  converged,
  eventually,
  openDevice,
  rowsOf,
  task,
  twoDevices,
  type Device,
} from "./setup.js";

/** The executor as the README sets it up: our outbox waits for the network, so it need not. */
const executorOf = ({ tasks, utils }: Device, storage = executorStorage()) =>
  startExecutor({
    storage,
    collections: { tasks },
    onlineDetector: onlineSwitch(true),
    mutationFns: {
      tasks: ({ transaction, idempotencyKey }) =>
        utils.acceptMutations(transaction, { idempotencyKey }),
    },
  });

type Executor = Awaited<ReturnType<typeof executorOf>>;

/** Commits a transaction of the executor; resolves once it is done with. */
async function commit(executor: Executor, write: () => void, idempotencyKey?: string) {
  const offline = executor.createOfflineTransaction({
    mutationFnName: "tasks",
    autoCommit: false,
    ...(idempotencyKey && { idempotencyKey }),
  });
  offline.mutate(write);
  await offline.commit();
}

/** What outlives a page: one store of IndexedDB. */
const disk = (storageName: string) => ({ storage: indexedDBStorage(), storageName });

describe("the executor of @tanstack/offline-transactions", () => {
  it("does not freeze the collection while there is no network", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert(task("t1"));
    await converged(a, b);
    const executor = await executorOf(a);
    a.network.cut();
    await commit(executor, () => {
      a.tasks.update("t1", (draft) => void (draft.title = "offline"));
      a.tasks.insert(task("t2"));
    });
    expect(executor.getPendingCount()).toBe(0);
    a.tasks.update("t1", (draft) => void (draft.votes = 1)); // beside the executor
    const mine = [task("t1", { title: "offline", votes: 1 }), task("t2")];
    expect(rowsOf(a)).toEqual(mine);
    b.tasks.insert(task("t3"));
    a.network.restore();
    expect(await converged(a, b)).toEqual([...mine, task("t3")]);
  });

  it("shows remote changes while its transactions come without a pause", async () => {
    const { a, b } = await twoDevices();
    const executor = await executorOf(a);
    let isDone = false;
    const writing = (async () => {
      for (let n = 0; !isDone; n++)
        await commit(executor, () => void a.tasks.insert(task(`a${n}`)));
    })();
    b.tasks.insert(task("b"));
    await eventually(() => expect(a.tasks.has("b")).toBe(true));
    isDone = true;
    await writing;
    await converged(a, b);
  });

  it("hands over for good: when it is done, the changes are on our disk", async () => {
    const { a } = await twoDevices();
    const storage = executorStorage();
    const executor = await executorOf(a, storage);
    a.network.cut();
    await commit(executor, () => void a.tasks.insert(task("t1")));
    expect(await storage.keys()).toEqual([]);
    expect(a.utils.outbox.list()).toMatchObject([{ id: "t1", seq: expect.any(Number) }]);
    a.network.restore();
  });

  it("takes effect once, although a page that ends too soon makes it come again", async () => {
    const { backend, b } = await twoDevices();
    const kept = disk("replayed");
    const stored = executorStorage();
    // The page ends after our disk has the change, and before the executor has forgotten it.
    const neverForgets = { ...stored, delete: async () => undefined };
    const before = openDevice(backend, kept);
    const first = await executorOf(before, neverForgets);
    await commit(first, () => void before.tasks.insert(task("t1", { votes: 1 })));
    await converged(before, b);
    expect(await stored.keys()).toHaveLength(1);
    await before.close();
    b.tasks.update("t1", (draft) => void (draft.votes = 7));
    b.tasks.insert(task("t2"));
    await eventually(() => expect(b.utils.status.get().pending).toBe(0));

    const after = openDevice(backend, { ...kept, startSync: false });
    const second = await executorOf(after, stored);
    await eventually(() => expect(second.getPendingCount()).toBe(0));
    expect(await stored.keys()).toEqual([]);
    await after.tasks.preload();
    expect(await converged(after, b)).toEqual([task("t1", { votes: 7 }), task("t2")]);
  });

  it("does not bring back what was removed since, by anyone", async () => {
    const { backend, b } = await twoDevices();
    const kept = disk("removed since");
    const stored = executorStorage();
    const before = openDevice(backend, kept);
    const first = await executorOf(before, { ...stored, delete: async () => undefined });
    await commit(first, () => void before.tasks.insert([task("t1"), task("t2")]));
    await converged(before, b);
    before.tasks.delete("t1");
    await converged(before, b);
    await before.close();
    b.tasks.delete("t2");
    await eventually(() => expect(b.utils.status.get().pending).toBe(0));

    const after = openDevice(backend, kept);
    const second = await executorOf(after, stored);
    await eventually(() => expect(second.getPendingCount()).toBe(0));
    expect(await converged(after, b)).toEqual([]);
    expect(after.utils.outbox.list()).toEqual([]);
  });

  it("brings what our disk did not have yet when the page ended", async () => {
    const { backend, b } = await twoDevices();
    const kept = disk("came late");
    const stored = executorStorage();
    const before = openDevice(backend, kept);
    const first = await startExecutor({
      storage: stored,
      collections: { tasks: before.tasks },
      mutationFns: { tasks: () => new Promise(() => undefined) }, // the page ends right here
    });
    first
      .createOfflineTransaction({ mutationFnName: "tasks" })
      .mutate(() => void before.tasks.insert(task("t1")));
    await eventually(async () => expect(await stored.keys()).toHaveLength(1));
    first.dispose();

    const after = openDevice(backend, { ...kept, startSync: false });
    const second = await executorOf(after, stored);
    await eventually(() => expect(b.tasks.has("t1")).toBe(true));
    expect(second.getPendingCount()).toBe(0);
    await after.tasks.preload();
    expect(await converged(after, b)).toEqual([task("t1")]);
  });

  it("takes a transaction once that it is told to run twice, at once or later", async () => {
    const { a, b } = await twoDevices();
    const executor = await executorOf(a);
    await commit(executor, () => void a.tasks.insert(task("t1", { votes: 1 })), "same key");
    a.tasks.update("t1", (draft) => void (draft.votes = 2));
    await converged(a, b);
    await commit(
      executor,
      () => void a.tasks.update("t1", (draft) => void (draft.votes = 9)),
      "same key",
    );
    expect(await converged(a, b)).toEqual([task("t1", { votes: 2 })]);
  });

  it("gives up what cannot be stored, and says why", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { a } = await twoDevices();
    const executor = await startExecutor({
      collections: { tasks: a.tasks },
      mutationFns: {
        tasks: ({ transaction, idempotencyKey }) =>
          a.utils.acceptMutations(transaction, { idempotencyKey }).catch((error: Error) => {
            throw new NonRetriableError(error.message); // it would try for ever otherwise
          }),
      },
    });
    const write = () => void a.tasks.insert(task("t1", { title: 5 as never }));
    await expect(commit(executor, write)).rejects.toThrow(/title/);
    expect(rowsOf(a)).toEqual([]);
  });
});
