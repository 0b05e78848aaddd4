import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { indexedDBStorage } from "convex-replicate/client";
import { beforeEach, describe, expect, it } from "vitest";
import {
  converged,
  eventually,
  openDevice,
  rowsOf,
  startApp,
  task,
  type Device,
} from "./harness.js";

const SIZE = 300_000;
const large = (id: string) => task(id, { data: new Uint8Array(SIZE).fill(7).buffer });

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

/** How many bytes arrive at a device while something happens. */
async function received({ network }: Device, during: () => Promise<unknown>): Promise<number> {
  const before = network.received;
  await during();
  return network.received - before;
}

describe("a large document of which little has changed", () => {
  it("is not sent again to a device that was away while its log was compacted", async () => {
    const backend = await startApp();
    const [a, b] = [openDevice(backend), openDevice(backend)];
    a.tasks.insert([large("large"), task("small")]);
    await converged(a, b);

    b.network.cut();
    for (const title of ["one", "two", "three"]) {
      a.tasks.update("large", (draft) => void (draft.title = title));
      await converged(a);
    }
    const lagging = await received(b, async () => {
      b.network.restore();
      await eventually(() => expect(b.tasks.get("large")?.title).toBe("three"));
    });
    expect(lagging).toBeLessThan(5_000);
    await converged(a, b);

    const c = openDevice(backend);
    expect(await received(c, () => converged(c))).toBeGreaterThan(SIZE);
  });

  it("costs a device that was away nothing when it is removed", async () => {
    const backend = await startApp();
    const [a, b] = [openDevice(backend), openDevice(backend)];
    a.tasks.insert(large("large"));
    await converged(a, b);
    b.network.cut();
    a.tasks.update("large", (draft) => void (draft.title = "last words"));
    await converged(a);
    a.tasks.delete("large");
    await converged(a);
    const bytes = await received(b, async () => {
      b.network.restore();
      await eventually(() => expect(rowsOf(b)).toEqual([]));
    });
    expect(bytes).toBeLessThan(5_000);
  });

  it("does not come back to the device that has written it", async () => {
    const a = openDevice(await startApp());
    await converged(a);
    const bytes = await received(a, async () => {
      a.tasks.insert(large("large"));
      await eventually(() => expect(a.utils.status.get().pending).toBe(0));
      a.tasks.update("large", (draft) => void (draft.title = "so the echo has come"));
      await eventually(() => expect(a.utils.status.get().pending).toBe(0));
    });
    expect(bytes).toBeLessThan(10_000);
  });
});

describe("a stored document that is damaged", () => {
  async function damage(storageName: string, document: string) {
    const databases = await indexedDB.databases();
    const { name } = databases.find((one) => one.name?.includes(`:${storageName}/`))!;
    const request = indexedDB.open(name!);
    await new Promise((resolve) => (request.onsuccess = resolve));
    const tx = request.result.transaction("documents", "readwrite");
    tx.objectStore("documents").put("not what was written", document);
    await new Promise((resolve) => (tx.oncomplete = resolve));
    request.result.close();
  }

  it("heals alone: nothing else is loaded again, and what was edited meanwhile arrives", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    const options = { storage: indexedDBStorage(), storageName: "healing" };
    const b = openDevice(backend, options);
    a.tasks.insert([large("large"), task("small"), task("other")]);
    await converged(a, b);

    await damage("healing", "small");
    const bytes = await received(b, async () => {
      a.tasks.update("small", (draft) => void (draft.title = "theirs"));
      b.tasks.update("small", (draft) => void (draft.votes = 5));
      b.tasks.update("other", (draft) => void (draft.votes = 1));
      await eventually(() => expect(b.tasks.get("small")?.title).toBe("theirs"));
      await converged(a, b);
    });
    expect(b.tasks.get("small")).toMatchObject({ title: "theirs", votes: 5 });
    expect(bytes).toBeLessThan(20_000);
    expect(b.utils.status.get()).toMatchObject({ phase: "live", complete: true, rejected: 0 });
    await b.close();

    const again = openDevice(backend, options);
    expect(await converged(again)).toHaveLength(3);
  });
});
