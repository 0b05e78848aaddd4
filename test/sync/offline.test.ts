import "fake-indexeddb/auto";
import { indexedDBStorage, memoryStorage } from "convex-replicate/client";
import { describe, expect, it } from "vitest";
import { converged, eventually, openDevice, rowsOf, startApp, tableOf, task } from "./harness.js";

const storages = {
  IndexedDB: (name: string) => ({ storage: indexedDBStorage(), storageName: name }),
  memory: (name: string) => ({ storage: memoryStorage(), storageName: name }),
};

describe.each(Object.entries(storages))("offline, on %s", (kind, storageOf) => {
  const named = (name: string) => storageOf(`${kind}-${name}`);

  it("keeps an edit through a reload and pushes it when the network returns", async () => {
    const backend = await startApp();
    const options = named("reload");
    const first = openDevice(backend, options);
    first.tasks.insert(task("t1"));
    await converged(first);

    first.network.cut();
    first.tasks.update("t1", (draft) => void (draft.title = "Offline"));
    first.tasks.insert(task("t2", { big: 2n ** 62n, data: new Uint8Array([1, 2]).buffer }));
    await eventually(() => expect(first.utils.outbox.list().every(({ seq }) => seq)).toBe(true));
    first.client.close(); // a reload keeps nothing but the disk

    const unreachable = { url: "http://127.0.0.1:9" };
    const second = openDevice(unreachable, { ...options, storageName: options.storageName });
    await eventually(() => expect(second.tasks.status).toBe("ready"));
    expect(rowsOf(second).map(({ title }) => title)).toEqual(["Offline", "Task t2"]);
    expect(second.utils.status.get()).toMatchObject({ complete: true, pending: 2 });
    second.client.close();

    const third = openDevice(backend, options);
    const rows = await converged(third);
    expect(rows).toEqual([
      task("t1", { title: "Offline" }),
      task("t2", { big: 2n ** 62n, data: new Uint8Array([1, 2]).buffer }),
    ]);
  });

  it("never brings back a removed document by an edit, and reports the edit", async () => {
    const backend = await startApp();
    const rejected: string[] = [];
    const a = openDevice(backend, named("removed-a"));
    const b = openDevice(backend, {
      ...named("removed-b"),
      onRejected: ({ code }) => rejected.push(code),
    });
    a.tasks.insert(task("t1"));
    await converged(a, b);

    b.network.cut();
    b.tasks.update("t1", (draft) => void (draft.title = "Too late"));
    a.tasks.delete("t1");
    await converged(a);
    b.network.restore();
    await eventually(() => expect(rejected).toEqual(["DOCUMENT_REMOVED"]));
    expect(await converged(a, b)).toEqual([]);
    expect(b.utils.outbox.list()).toMatchObject([{ id: "t1", op: "update" }]);
  });

  it("starts clean when a removed document is inserted again", async () => {
    const backend = await startApp();
    const [a, b] = [openDevice(backend, named("again-a")), openDevice(backend, named("again-b"))];
    a.tasks.insert(task("t1", { tags: ["old"], details: { notes: "old" } }));
    await converged(a, b);
    b.network.cut();
    b.tasks.update("t1", (draft) => void (draft.details!.due = "2026-01-01"));
    a.tasks.delete("t1");
    a.tasks.insert(task("t1", { title: "New" }));
    await converged(a);
    b.network.restore();
    expect(await converged(a, b)).toEqual([task("t1", { title: "New" })]);
  });

  it("cancels what never left the device", async () => {
    const backend = await startApp();
    const a = openDevice(backend, named("cancel"));
    await eventually(() => expect(a.utils.status.get().phase).toBe("live"));
    backend.faults.calls.reset();
    a.tasks.insert(task("t1"));
    a.tasks.update("t1", (draft) => void (draft.title = "x"));
    a.tasks.delete("t1");
    await a.utils.flush();
    expect(rowsOf(a)).toEqual([]);
    expect(backend.faults.calls.get("tasks:push")).toBe(0);
  });
});

describe("a bad network", () => {
  it("applies a change once when its answer is lost", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    a.tasks.insert(task("t1"));
    await converged(a);
    backend.faults.failNext({ path: "tasks:push", when: "after" });
    a.tasks.update("t1", (draft) => void (draft.votes += 1));
    expect(await converged(a)).toEqual([task("t1", { votes: 1 })]);
  });

  it("applies a change once when the page that sent it never heard of it again", async () => {
    const backend = await startApp();
    const storage = memoryStorage();
    const before = openDevice(backend, { storage });
    before.tasks.insert(task("t1"));
    await converged(before);
    backend.faults.failNext({ path: "tasks:push", when: "after" });
    before.tasks.update("t1", (draft) => void (draft.votes += 1));
    await eventually(() => expect(backend.faults.calls.get("tasks:push")).toBe(2));
    before.network.cut();
    before.client.close();

    const after = openDevice(backend, { storage });
    await converged(after);
    const version = await after.client.query(
      (await import("./app/convex/_generated/api.js")).api.tasks.table,
      {},
    );
    expect(version).toMatchObject([{ id: "t1", votes: 1, version: 2 }]);
  });

  it("does not let an accepted and then removed insert come back when it is sent again", async () => {
    const backend = await startApp();
    const storage = memoryStorage();
    const a = openDevice(backend, { storage });
    const b = openDevice(backend);
    await eventually(() => expect(a.utils.status.get().phase).toBe("live"));
    backend.faults.failNext({ path: "tasks:push", when: "after" });
    a.tasks.insert(task("t1"));
    await eventually(() => expect(rowsOf(b)).toHaveLength(1));
    a.network.cut();
    a.client.close();
    b.tasks.delete("t1");
    await converged(b);
    const again = openDevice(backend, { storage });
    expect(await converged(again, b)).toEqual([]);
  });

  it("sends 20 rapid clicks in at most 3 pushes, and all of them land", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    a.tasks.insert(task("t1"));
    await converged(a);
    backend.faults.calls.reset();
    for (let click = 0; click < 20; click++) {
      a.tasks.update("t1", (draft) => void (draft.votes += 1));
      await new Promise((resolve) => setTimeout(resolve, 100)); // as fast as a person clicks
    }
    expect(await converged(a)).toEqual([task("t1", { votes: 20 })]);
    expect(backend.faults.calls.get("tasks:push")).toBeLessThanOrEqual(3);
  });

  it("shows remote changes while local ones wait for an answer", async () => {
    const backend = await startApp();
    const [a, b] = [openDevice(backend), openDevice(backend)];
    a.tasks.insert([task("t1"), task("t2")]);
    await converged(a, b);
    backend.faults.delayNext({ path: "tasks:push", ms: 1_500 });
    a.tasks.update("t1", (draft) => void (draft.title = "Waiting"));
    await eventually(() => expect(backend.faults.calls.get("tasks:push")).toBe(2));
    b.tasks.update("t2", (draft) => void (draft.title = "Remote"));
    await eventually(() => expect(a.tasks.get("t2")?.title).toBe("Remote"));
    expect(a.tasks.get("t1")?.title).toBe("Waiting");
    expect(a.utils.status.get().pending).toBe(1);
    await converged(a, b);
  });

  it("syncs on after the server was down and came back", async () => {
    const backend = await startApp();
    const port = Number(new URL(backend.url).port);
    const a = openDevice(backend);
    await eventually(() => expect(a.utils.status.get().phase).toBe("live"));
    await backend.close();
    a.tasks.insert(task("t1"));
    await eventually(() => expect(a.utils.status.get().phase).toBe("offline"));
    await startApp(port);
    expect(await converged(a)).toEqual([task("t1")]);
    expect(await tableOf(a)).toHaveLength(1);
  });
});
