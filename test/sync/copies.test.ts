// @vitest-environment node
import { memoryStorage, type ReplicaStorage } from "convex-replicate/client";
import { expect, it } from "vitest";
import { CURRENT_DATA } from "../../src/client/store/migrations.js";
import { NUMBERED_STORES, STORES } from "../../src/client/storage/storage.js";
import { converged, eventually, openDevice, startApp, task, type Device } from "./harness.js";

// A browser profile that is copied to a second computer, or restored from a backup: both would speak
// under the same client ids, with the same clocks, and mean different things.

const NAME = "copied";
/** What the collection makes of it: nobody's identity follows. */
const STORE = `${NAME}/`;

/** A store with the same content, as a copied profile has it. */
async function copyOf(storage: ReplicaStorage): Promise<ReplicaStorage> {
  const copy = memoryStorage();
  const [from, to] = await Promise.all([
    storage.open(STORE, CURRENT_DATA),
    copy.open(STORE, CURRENT_DATA),
  ]);
  const stores = await from.transaction("read", STORES, (tx) =>
    Promise.all(STORES.map(async (store) => [store, await tx.getAll(store)] as const)),
  );
  expect(stores.every(([store, entries]) => store === "outbox" || entries.length > 0)).toBe(true);
  await to.transaction("write", STORES, async (tx) => {
    for (const [store, entries] of stores) {
      for (const [key, value] of entries) {
        // Keys go on counting where those of the original do.
        if (NUMBERED_STORES.includes(store)) while ((await tx.add(store, null)) < Number(key));
        await tx.put(store, key, value);
      }
    }
    for (const [store, entries] of stores) {
      const keys = new Set(entries.map(([key]) => key));
      for (const [key] of await tx.getAll(store)) if (!keys.has(key)) await tx.delete(store, key);
    }
  });
  return copy;
}

/** A page on a store that has the row already. */
async function open(backend: { url: string }, storage: ReplicaStorage): Promise<Device> {
  const device = openDevice(backend, { storage, storageName: NAME });
  await eventually(() => expect(device.tasks.has("a")).toBe(true));
  return device;
}

const openBoth = (backend: { url: string }, left: ReplicaStorage, right: ReplicaStorage) =>
  Promise.all([open(backend, left), open(backend, right)]);

const rate = (device: Device, who: string) =>
  device.tasks.update("a", (draft) => void (draft.ratings = { ...draft.ratings, [who]: 1 }));

/** A store that has sent something, and a copy of it; both pages are closed. */
async function twoCopies() {
  const backend = await startApp();
  const storage = memoryStorage();
  const device = openDevice(backend, { storage, storageName: NAME });
  device.tasks.insert(task("a"));
  await converged(device);
  rate(device, "before");
  await converged(device);
  await device.close();
  return { backend, storage, copy: await copyOf(storage) };
}

it("both go on at once: no write is lost, and all agree", async () => {
  const { backend, storage, copy } = await twoCopies();
  const [left, right] = await openBoth(backend, storage, copy);
  const witness = openDevice(backend);
  for (const n of [1, 2, 3]) {
    rate(left, `left${n}`);
    rate(right, `right${n}`);
    left.tasks.insert(task(`left${n}`));
    right.tasks.insert(task(`right${n}`));
    await Promise.all([left.utils.flush(), right.utils.flush()]);
  }
  const [row] = await converged(left, right, witness);
  const names = ["before", "left1", "left2", "left3", "right1", "right2", "right3"];
  expect(Object.keys(row!.ratings!).sort()).toEqual(names);
  expect([left, right].map(({ utils }) => utils.status.get().rejected)).toEqual([0, 0]);
});

it("both worked offline, and come back one after the other", async () => {
  const { backend, storage, copy } = await twoCopies();
  const [left, right] = await openBoth(backend, storage, copy);
  await converged(left, right);
  for (const device of [left, right]) device.network.cut();
  rate(left, "left");
  rate(right, "right");
  right.tasks.update("a", (draft) => void (draft.title = "right's"));
  left.network.restore();
  await converged(left);
  right.network.restore();
  const [row] = await converged(left, right, openDevice(backend));
  expect(row).toMatchObject({ title: "right's", ratings: { before: 1, left: 1, right: 1 } });
});

it("what was on its way when the copy was made arrives from both, and harms neither", async () => {
  const { backend, storage } = await twoCopies();
  const device = await open(backend, storage);
  await converged(device);
  backend.faults.failNext({ path: "tasks:push", when: "after" });
  rate(device, "unanswered");
  await eventually(() => expect(backend.faults.calls.get("tasks:push")).toBe(3));
  device.network.cut();
  await device.close();
  const copy = await copyOf(storage);
  const [left, right] = await openBoth(backend, storage, copy);
  rate(left, "left");
  rate(right, "right");
  const [row] = await converged(left, right, openDevice(backend));
  expect(row!.ratings).toEqual({ before: 1, unanswered: 1, left: 1, right: 1 });
});

it("a store that was rolled back goes on from what the server has", async () => {
  const { backend, storage, copy } = await twoCopies();
  const device = await open(backend, storage);
  rate(device, "later");
  await converged(device);
  await device.close();
  const restored = await open(backend, copy);
  rate(restored, "after the restore");
  const [row] = await converged(restored, openDevice(backend));
  expect(row!.ratings).toEqual({ before: 1, later: 1, "after the restore": 1 });
});

it("a store that was rolled back to the middle of a page's life does, too", async () => {
  const { backend, storage } = await twoCopies();
  const device = await open(backend, storage);
  rate(device, "first");
  await converged(device);
  const snapshot = await copyOf(storage);
  rate(device, "second");
  await converged(device);
  await device.close();
  backend.faults.delayNext({ path: "tasks:stream", ms: 1_000 }); // longer than a change waits
  const restored = await open(backend, snapshot);
  rate(restored, "third");
  const [row] = await converged(restored, openDevice(backend));
  expect(row!.ratings).toEqual({ before: 1, first: 1, second: 1, third: 1 });
});
