import "fake-indexeddb/auto";
import { indexedDBStorage } from "convex-replicate/client";
import { expect, it, onTestFinished, vi } from "vitest";
import { converged, eventually, openDevice, rowsOf, startApp, task } from "./harness.js";

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(`convex-replicate:${name}/`);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error!);
  });
}

it("goes on when the browser deletes the data under a living page, and loses nothing unsent", async () => {
  const backend = await startApp();
  const other = openDevice(backend);
  const a = openDevice(backend, { storage: indexedDBStorage(), storageName: "lost" });
  a.tasks.insert([task("t1"), task("t2")]);
  await converged(a, other);

  a.network.cut();
  a.tasks.update("t1", (draft) => void (draft.title = "Unsent"));
  await eventually(() => expect(a.utils.outbox.list()).toMatchObject([{ seq: 3 }]));
  other.tasks.delete("t2");
  await converged(other);

  await deleteDatabase("lost");
  a.tasks.insert(task("t3")); // the first use after it
  await eventually(() =>
    expect(a.utils.status.get()).toMatchObject({ complete: false, pending: 2 }),
  );
  expect(rowsOf(a).map(({ title }) => title)).toEqual(["Unsent", "Task t2", "Task t3"]);

  a.network.restore();
  expect(await converged(a, other)).toEqual([task("t1", { title: "Unsent" }), task("t3")]);
});

it("opens its database again when the connection was closed", async () => {
  const databases = new Set<IDBDatabase>();
  const { transaction } = IDBDatabase.prototype;
  const watched = vi.spyOn(IDBDatabase.prototype, "transaction");
  watched.mockImplementation(function (this: IDBDatabase, ...args) {
    databases.add(this);
    return transaction.apply(this, args);
  });
  onTestFinished(() => watched.mockRestore());
  const a = openDevice(await startApp(), { storageName: "closed", storage: indexedDBStorage() });
  a.tasks.insert(task("t1"));
  await converged(a);
  for (const database of databases) database.close(); // as a browser does in the background
  a.tasks.insert(task("t2"));
  expect(await converged(a)).toEqual([task("t1"), task("t2")]);
  expect(a.utils.status.get().storage.error).toBeNull();
});
