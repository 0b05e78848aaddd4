import { describe, expect, it, vi } from "vitest";
import type { StreamEntry } from "../shared/wire.js";
import { LocalData, type LocalDataListener } from "./local-data.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage, StoreName } from "./storage/storage.js";
import { bytesOf, entry, fields, HOUR, inserting, setting, VirtualTime } from "./setup.test.js";

const created = bytesOf(inserting({ title: "t" }));
const SYNC = { cursor: "c", complete: true, syncedAt: 5 };
const titled = (title: string, document = "a"): StreamEntry =>
  entry(1, bytesOf(inserting({ title })), { document });
const insert = (document: string, title = "mine") =>
  ({ document, kind: "insert", operations: inserting({ title }) }) as const;
const retitle = (title: string) =>
  ({ document: "a", kind: "update", operations: setting({ title }) }) as const;

/** A storage that can be told to fail, and that counts what is cleared. */
function watched(storage: ReplicaStorage = memoryStorage()) {
  const control = { fail: null as Error | null, cleared: [] as StoreName[] };
  const wrapped: ReplicaStorage = {
    kind: "indexeddb",
    async open(name) {
      const connection = await storage.open(name);
      return {
        close: () => connection.close(),
        transaction: (mode, stores, body) =>
          connection.transaction(mode, stores, (tx) => {
            if (control.fail) throw control.fail;
            const clear = (store: StoreName) => {
              control.cleared.push(store);
              return tx.clear(store);
            };
            return body({
              get: (...args) => tx.get(...args),
              getAll: (...args) => tx.getAll(...args),
              put: (...args) => tx.put(...args),
              add: (...args) => tx.add(...args),
              delete: (...args) => tx.delete(...args),
              clear,
            });
          }),
      };
    },
  };
  return { storage: wrapped, control };
}

async function openTab(storage: ReplicaStorage, time = new VirtualTime()) {
  const listener = {
    shown: vi.fn(),
    stored: vi.fn(),
    changed: vi.fn(),
    rejected: vi.fn(),
    lost: vi.fn(),
  } satisfies LocalDataListener;
  const data = new LocalData({ name: "a", fields, storage, environment: time }, listener);
  await data.opened;
  const titles = () =>
    Object.fromEntries([...data.replica.shown].map(([id, { title }]) => [id, title]));
  const send = async (document = "a") => {
    const seqs = data.replica.pending().get(document)!;
    return (await data.mint(new Map([[document, seqs]])))[0]!;
  };
  const accept = async (document = "a") => {
    const outgoing = await send(document);
    const { generation } = outgoing.change;
    const result = { status: "accepted", generation, ts: null } as const;
    await data.settle([outgoing], [{ document, result }]);
  };
  return { data, listener, titles, send, accept, time };
}

describe("one tab", () => {
  it("shows a change at once, and tells others once it is stored", async () => {
    const { data, listener } = await openTab(watched().storage);
    const records = data.add([insert("a")]);
    expect(listener.shown).toHaveBeenCalledWith([{ id: "a", row: { title: "mine" } }]);
    expect([data.replica.pending().size, listener.stored.mock.calls.length]).toEqual([0, 0]);
    await data.save(records);
    expect([data.replica.pending().size, listener.stored.mock.calls.length]).toEqual([1, 1]);
  });

  it("moves an accepted change into the base without a flicker", async () => {
    const { data, listener, accept, titles } = await openTab(watched().storage);
    await data.save(data.add([insert("a")]));
    listener.shown.mockClear();
    await accept();
    expect(titles()).toEqual({ a: "mine" });
    expect(listener.shown).not.toHaveBeenCalled();
    expect(data.replica.counts().pending).toBe(0);
  });

  it("tells of a refused change once, with what is shown then", async () => {
    const { data, listener, send, titles } = await openTab(watched().storage);
    await data.applyPage([entry(1, created)], SYNC);
    await data.save(data.add([retitle("no")]));
    const result = { status: "rejected", code: "REFUSED", message: "No." } as const;
    await data.settle([await send()], [{ document: "a", result }]);
    expect(listener.rejected).toHaveBeenCalledTimes(1);
    expect(titles()).toEqual({ a: "t" });
    await data.reload();
    expect(listener.rejected).toHaveBeenCalledTimes(1);
  });

  it("says what is wrong with storage, keeps trying to read it, and says when it is over", async () => {
    const { storage, control } = watched();
    const { data, time, listener } = await openTab(storage);
    control.fail = new Error("disk on fire");
    const applying = data.applyPage([entry(1, created)], SYNC);
    await expect(applying).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("disk on fire"),
    });
    const reloaded = data.reload();
    await time.advance(HOUR);
    expect(time.fired).toBeLessThan(200);
    expect(data.storage.error).toContain("disk on fire");
    control.fail = null;
    await time.advance(120_000);
    await reloaded;
    expect(data.storage.error).toBeNull();
    expect(listener.changed).toHaveBeenCalled();
  });

  it("goes on in memory, and says so, where the browser refuses storage", async () => {
    const refusing: ReplicaStorage = {
      kind: "indexeddb",
      open: () => Promise.reject(new Error("Not in private mode.")),
    };
    const { data, titles } = await openTab(refusing);
    expect(data.storage).toEqual({ kind: "memory", error: "Not in private mode." });
    await data.save(data.add([insert("a")]));
    expect(titles()).toEqual({ a: "mine" });
  });

  it("closes after what is being stored, and leaves no timer behind", async () => {
    const { storage, control } = watched();
    const { data, time } = await openTab(storage);
    const saving = data.save(data.add([insert("a")]));
    control.fail = null;
    await data.close();
    await saving;
    const again = await openTab(storage);
    expect(again.titles()).toEqual({ a: "mine" });
    expect(time.waiting).toBe(0);
  });
});

describe("two tabs", () => {
  async function twoTabs() {
    const { storage } = watched();
    const [a, b] = [await openTab(storage), await openTab(storage)];
    await a.data.applyPage([entry(1, created)], SYNC);
    await b.data.reload();
    return [a, b] as const;
  }

  it("see each other's changes, rows and answers after a reload", async () => {
    const [a, b] = await twoTabs();
    expect(b.titles()).toEqual({ a: "t" });
    await a.data.save(a.data.add([retitle("from a")]));
    await b.data.reload();
    expect(b.titles()).toEqual({ a: "from a" });
    expect(b.data.replica.counts().pending).toBe(1);
    await b.accept();
    await a.data.reload();
    expect(a.data.replica.counts().pending).toBe(0);
    expect(a.titles()).toEqual({ a: "from a" });
    expect(a.data.syncPoint).toEqual(SYNC);
  });

  it("hear of a refusal in both", async () => {
    const [a, b] = await twoTabs();
    await a.data.save(a.data.add([retitle("no")]));
    await b.data.reload();
    const result = { status: "rejected", code: "REFUSED", message: "No." } as const;
    await b.data.settle([await b.send()], [{ document: "a", result }]);
    await a.data.reload();
    await a.data.reload();
    expect(a.listener.rejected).toHaveBeenCalledTimes(1);
    expect(a.titles()).toEqual({ a: "t" });
  });

  it("take over what the other stored just before they stored something themselves", async () => {
    const [a, b] = await twoTabs();
    await a.data.save(a.data.add([retitle("from a")]));
    const outgoing = await a.send(); // a led until here; its push is on its way
    await b.data.applyPage([titled("other", "b")], SYNC); // b leads now
    const result = { status: "accepted", generation: 1, ts: null } as const;
    await a.data.settle([outgoing], [{ document: "a", result }]); // the answer came after all
    await b.data.applyPage([titled("more", "c")], SYNC);
    await a.data.reload();
    await b.data.reload();
    const both = { a: "from a", b: "other", c: "more" };
    expect(a.titles()).toEqual(both);
    expect(b.titles()).toEqual(both);
  });
});

describe("rows on disk", () => {
  /** A disk as a client of that many documents finds it: folded, and otherwise empty. */
  async function diskWith(documents: number) {
    const { storage, control } = watched();
    const connection = await storage.open("a");
    await connection.transaction("write", ["meta", "rows"], async (tx) => {
      await tx.put("meta", "sync", SYNC);
      for (let at = 0; at < documents; at += 500) {
        const rows = Array.from({ length: 500 }, (_, index) => [`d${at + index}`, 1, "{}"]);
        await tx.add("rows", rows);
      }
    });
    return { storage, control };
  }

  it("are folded after so many small pages", async () => {
    const { storage, control } = watched();
    const { data } = await openTab(storage);
    for (let index = 0; index < 250; index++) {
      await data.applyPage([titled(`${index}`, `d${index}`)], SYNC);
    }
    expect(control.cleared).toEqual(["rows"]);
    expect(data.replica.shown.size).toBe(250);
    expect((await openTab(storage)).data.replica.shown.size).toBe(250);
  });

  it("are folded once so many of them are outdated", async () => {
    const { storage, control } = watched();
    const { data, titles } = await openTab(storage);
    const page = (title: string) =>
      Array.from({ length: 300 }, (_, index) => titled(title, `d${index}`));
    const known: StreamEntry[] = page("x").map(({ document }) => entry(1, created, { document }));
    await data.applyPage(known, SYNC);
    for (let round = 0; round < 8; round++) {
      const bytes = bytesOf(setting({ title: `${round}` }), [created], 100 + round);
      await data.applyPage(
        known.map(({ document }) => entry(1, bytes, { document })),
        SYNC,
      );
    }
    expect(control.cleared).toEqual(["rows"]);
    expect(titles()["d7"]).toBe((await openTab(storage)).titles()["d7"]);
  });

  it("of very many documents are not all folded again for every change", async () => {
    const { storage, control } = await diskWith(110_000);
    const { data } = await openTab(storage);
    for (let index = 0; index < 5; index++) {
      await data.applyPage([titled(`${index}`, `new${index}`)], SYNC);
    }
    expect(data.replica.shown.size).toBe(110_005);
    expect(control.cleared.length).toBeLessThanOrEqual(1);
  });
});

it("an edit made while the server's answer is being stored follows its document", async () => {
  const tab = await openTab(watched().storage);
  const { data, titles } = tab;
  await data.save(data.add([insert("a")]));
  const outgoing = await tab.send();
  const result = { status: "accepted", generation: 3, ts: null } as const; // in a later life
  const settling = data.settle([outgoing], [{ document: "a", result }]);
  const edit = data.add([retitle("while it was stored")]);
  await settling;
  await data.save(edit);
  expect(titles()).toEqual({ a: "while it was stored" });
  expect((await tab.send()).change).toMatchObject({ op: "update", generation: 3 });
});
