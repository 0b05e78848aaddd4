import { describe, expect, it, vi } from "vitest";
import type { StreamEntry } from "../../shared/wire.js";
import { openLocalData } from "./local-data-setup.test.js";
import { addSegment, decodeSegment, readSegments } from "../store/rows.js";
import { memoryStorage } from "../storage/memory.js";
import type { ReplicaStorage, StoreName } from "../storage/storage.js";
import { CURRENT_DATA } from "../store/migrations.js";
import { writeSyncPoint } from "../store/stored.js";
import { bytesOf, entry, HOUR, inserting, PATIENTLY, setting, VirtualTime } from "../setup.test.js";

const created = bytesOf(inserting({ title: "t" }));
const SYNC = { cursor: "c", complete: true, syncedAt: 5 };
const titled = (title: string, document = "a"): StreamEntry =>
  entry(1, bytesOf(inserting({ title })), { document });
const insert = (document: string, title = "mine") =>
  ({ document, kind: "insert", operations: inserting({ title }) }) as const;
const retitle = (title: string) =>
  ({ document: "a", kind: "update", operations: setting({ title }) }) as const;

/**
 * A storage that can be told to fail, or to take no segments of so many rows, and that tells how many
 * rows each new segment has.
 */
function watched(storage: ReplicaStorage = memoryStorage()) {
  const control = {
    fail: null as Error | null,
    /** Transactions of this mode fail. */
    failing: null as "read" | null,
    room: Infinity,
    added: [] as number[],
  };
  const wrapped: ReplicaStorage = {
    kind: "indexeddb",
    async open(name) {
      const connection = await storage.open(name);
      return {
        close: () => connection.close(),
        transaction: (mode, stores, body) =>
          connection.transaction(mode, stores, (tx) => {
            if (control.fail) throw control.fail;
            if (control.failing === mode) throw new Error("the disk hiccups");
            const add = (store: StoreName, value: unknown) => {
              const size = store === "rows" ? decodeSegment(value)!.length : 0;
              if (size > control.room) throw new DOMException("full", "QuotaExceededError");
              if (store === "rows") control.added.push(size);
              return tx.add(store, value);
            };
            return body({
              get: (...args) => tx.get(...args),
              getAll: (...args) => tx.getAll(...args),
              put: (...args) => tx.put(...args),
              add,
              delete: (...args) => tx.delete(...args),
              clear: (...args) => tx.clear(...args),
            });
          }),
      };
    },
  };
  return { storage: wrapped, control };
}

async function openTab(storage: ReplicaStorage, time = new VirtualTime()) {
  const { data, listener, titles } = await openLocalData(storage, time);
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
  it("shows a change at once, and tells others when it is being stored and once it is", async () => {
    const { data, listener } = await openTab(watched().storage);
    const records = data.add([insert("a")]);
    expect(listener.shown).toHaveBeenCalledWith([{ id: "a", row: { title: "mine" } }]);
    expect([data.replica.pending().size, listener.stored.mock.calls.length]).toEqual([0, 0]);
    await data.save(records);
    expect([data.replica.pending().size, listener.stored.mock.calls.length]).toEqual([1, 2]);
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
    await data.applyPage([entry(1, created)], SYNC, []);
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
    const applying = data.applyPage([entry(1, created)], SYNC, []);
    await expect(applying).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("disk on fire"),
    });
    const reloaded = data.reload();
    await time.advance(HOUR);
    expect(time.fired).toBeLessThan(300);
    expect(data.storage.error).toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("disk on fire"),
    });
    control.fail = null;
    await time.advance(120_000);
    await reloaded;
    expect(data.storage.error).not.toBeNull(); // a write has failed, and none has worked since
    await data.applyPage([entry(1, created)], SYNC, []);
    expect(data.storage.error).toBeNull();
    expect(listener.changed).toHaveBeenCalled();
  });

  it("goes on in memory, and says so, where the browser refuses storage", async () => {
    const refusing: ReplicaStorage = {
      kind: "indexeddb",
      open: () => Promise.reject(new Error("Not in private mode.")),
    };
    const { data, titles } = await openTab(refusing);
    expect(data.storage).toMatchObject({
      kind: "memory",
      error: { code: "STORAGE_REFUSED", message: expect.stringContaining("Not in private mode.") },
    });
    await data.save(data.add([insert("a")]));
    expect(titles()).toEqual({ a: "mine" });
  });

  it("tells others of a change as it is being stored: the page may die before it is confirmed", async () => {
    const storage = memoryStorage();
    let begun = 0;
    const { data, listener } = await openTab({
      kind: "indexeddb",
      async open(name) {
        const connection = await storage.open(name);
        return {
          close: () => connection.close(),
          transaction(mode, ...rest) {
            if (mode === "durable") begun += 1;
            // What is written is on disk, and the page never hears of it.
            const done = connection.transaction(mode, ...rest);
            return mode === "durable" ? new Promise(() => undefined) : done;
          },
        };
      },
    });
    listener.stored.mockImplementation(() => expect(begun).toBe(1));
    void data.save(data.add([insert("a")]));
    await vi.waitFor(() => expect(listener.stored).toHaveBeenCalledTimes(1), PATIENTLY);
  });

  it("sees what a decision has done to the disk, although it could not be read right after", async () => {
    const { storage, control } = watched();
    const { data, time } = await openTab(storage);
    await data.save(data.add([insert("a")]));
    const deciding = data.decide(async (store) => {
      await store.addRecords([data.replica.draft(retitle("decided"), null)]);
      control.fail = new Error("cannot read");
      throw new Error("cannot tell");
    });
    await expect(deciding).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(data.replica.counts().pending).toBe(1);
    control.fail = null;
    await time.advance(HOUR);
    expect(data.replica.counts().pending).toBe(2);
  });

  it.each(["a page", "an answer"])(
    "knows that %s met a damaged document, although it could not be read right after",
    async (what) => {
      const { storage, control } = watched();
      const { data, listener, time, send } = await openTab(storage);
      await data.applyPage([titled("t")], SYNC, []);
      await data.save(data.add([retitle("mine")]));
      const sent = await send();
      const connection = await storage.open("a", CURRENT_DATA);
      await connection.transaction("write", ["documents"], (tx) => tx.put("documents", "a", "?"));
      control.failing = "read";
      const result = { status: "accepted", generation: 1, ts: null } as const;
      const stored =
        what === "a page"
          ? data.applyPage([titled("theirs")], SYNC, [])
          : data.settle([sent], [{ document: "a", result }]);
      await stored.catch(() => undefined);
      control.failing = null;
      await time.advance(HOUR);
      expect([...data.replica.damaged.keys()]).toEqual(["a"]);
      expect(listener.mustHeal).toHaveBeenCalledTimes(1);
    },
  );

  it("closes after what is being stored, and leaves no timer behind", async () => {
    const { storage } = watched();
    const { data, time } = await openTab(storage);
    const saving = data.save(data.add([insert("a")]));
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
    await a.data.applyPage([entry(1, created)], SYNC, []);
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
    expect(a.data.syncPoint).toMatchObject(SYNC);
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
    await b.data.applyPage([titled("other", "b")], SYNC, []); // b leads now
    const result = { status: "accepted", generation: 1, ts: null } as const;
    await a.data.settle([outgoing], [{ document: "a", result }]); // the answer came after all
    await b.data.applyPage([titled("more", "c")], SYNC, []);
    await a.data.reload();
    await b.data.reload();
    const both = { a: "from a", b: "other", c: "more" };
    expect(a.titles()).toEqual(both);
    expect(b.titles()).toEqual(both);
  });
});

describe("a change after an insert that waits", () => {
  /** An insert whose first answer was lost; by now someone else has removed the document. */
  async function openRemoved() {
    const tab = await openTab(memoryStorage());
    const { data } = tab;
    await data.save(data.add([insert("a")]));
    const sent = await tab.send();
    await data.applyPage([entry(1, created), entry(1, null)], SYNC, []);
    const answerRemoved = () =>
      data.settle([sent], [{ document: "a", result: { status: "removed", generation: 1 } }]);
    return { ...tab, answerRemoved };
  }

  it("has nothing to remove once the insert turns out to be removed, and no later generation (S4)", async () => {
    const { data, titles, answerRemoved } = await openRemoved();
    const removal = { document: "a", kind: "remove", operations: new Map() } as const;
    await data.save(data.add([retitle("edited")]));
    await data.save(data.add([removal]));
    await answerRemoved();
    expect(await data.mint(data.replica.pending())).toEqual([]);
    expect([titles(), data.replica.counts()]).toMatchObject([{}, { pending: 0, rejected: 0 }]);
  });

  it("has nothing to remove where the insert was refused while it was being stored (S4)", async () => {
    const { data, send, titles } = await openTab(memoryStorage());
    await data.applyPage([], SYNC, []);
    await data.save(data.add([insert("a")]));
    const sent = await send();
    const removal = data.add([{ document: "a", kind: "remove", operations: new Map() }]);
    const result = { status: "rejected", code: "NO", message: "No." } as const;
    await data.settle([sent], [{ document: "a", result }]);
    await data.save(removal);
    expect(await data.mint(data.replica.pending())).toEqual([]);
    expect([titles(), data.replica.counts()]).toMatchObject([{}, { pending: 0, rejected: 1 }]);
  });

  it("goes into the generation that the insert began, although it was made for another (S4)", async () => {
    const { data, send, titles } = await openTab(memoryStorage());
    await data.save(data.add([insert("a")]));
    await data.applyPage([entry(1, created), entry(1, null)], SYNC, []);
    const sent = await send();
    await data.save(data.add([retitle("edited")]));
    expect(sent.change.generation).toBe(2);
    const result = { status: "accepted", generation: 2, ts: null } as const;
    const began = new Uint8Array(sent.change.parts[0]!.update);
    await data.applyPage([entry(2, began)], SYNC, []); // before the answer
    const unsaved = data.add([retitle("twice")]);
    unsaved[0]!.generation = 1; // made just before that
    await data.settle([sent], [{ document: "a", result }]);
    expect((await send()).change).toMatchObject({ op: "update", generation: 2 });
    expect(titles()).toEqual({ a: "twice" });
    await data.applyPage([entry(2, bytesOf(setting({ done: true }), [began]))], SYNC, []);
    await data.save(unsaved);
    expect(data.replica.shown.get("a")).toEqual({ title: "twice", done: true });
  });

  it("does not reach the generation that someone else begins meanwhile (S4)", async () => {
    const { data, titles, listener, answerRemoved } = await openRemoved();
    await data.save(data.add([retitle("edited")]));
    await data.applyPage([entry(2, bytesOf(inserting({ title: "theirs" })))], SYNC, []);
    await answerRemoved();
    expect(await data.mint(data.replica.pending())).toEqual([]);
    const rejected = { code: "DOCUMENT_REMOVED" };
    expect(listener.rejected).toHaveBeenCalledWith(expect.objectContaining({ generation: 1 }));
    expect(data.replica.records()).toMatchObject([{ kind: "update", rejected }]);
    expect(titles()).toEqual({ a: "theirs" });
  });
});

describe("rows on disk", () => {
  const rowsOnDisk = async (storage: ReplicaStorage) => {
    const connection = await storage.open("a");
    return connection.transaction("read", ["rows"], (tx) => readSegments(tx, 0));
  };
  const total = ({ segments }: Awaited<ReturnType<typeof rowsOnDisk>>) =>
    segments.reduce((sum, [, { length }]) => sum + length, 0);

  it("are compacted after so many small pages", async () => {
    const { storage } = watched();
    const { data } = await openTab(storage);
    for (let index = 0; index < 250; index++) {
      await data.applyPage([titled(`${index}`, `d${index}`)], SYNC, []);
    }
    expect((await rowsOnDisk(storage)).segments.length).toBeLessThan(100);
    expect(data.replica.shown.size).toBe(250);
    expect((await openTab(storage)).data.replica.shown.size).toBe(250);
  });

  it("that do not fit the disk a second time hold up no page, and are compacted once they do", async () => {
    const { storage, control } = watched();
    const { data } = await openTab(storage);
    control.room = 1;
    for (let index = 0; index < 250; index++) {
      await data.applyPage([titled(`${index}`, `d${index}`)], SYNC, []);
    }
    expect(data.storage.error).toBeNull(); // all that there is to keep is on disk
    expect((await openTab(storage)).data.replica.shown.size).toBe(250);
    control.room = Infinity;
    await data.applyPage([], SYNC, []);
    expect((await rowsOnDisk(storage)).segments.length).toBeLessThan(100);
    expect((await openTab(storage)).data.replica.shown).toEqual(data.replica.shown);
  });

  it("are compacted once so many of them are outdated", async () => {
    const { storage } = watched();
    const { data, titles } = await openTab(storage);
    const known = Array.from({ length: 300 }, (_, index) =>
      entry(1, created, { document: `d${index}` }),
    );
    await data.applyPage(known, SYNC, []);
    for (let round = 0; round < 12; round++) {
      const bytes = bytesOf(setting({ title: `${round}` }), [created], 100 + round);
      await data.applyPage(
        known.map(({ document }) => entry(1, bytes, { document })),
        SYNC,
        [],
      );
    }
    expect(total(await rowsOnDisk(storage))).toBeLessThan(300 + 2_000 + 300);
    expect(titles()).toEqual((await openTab(storage)).titles());
  });

  it("of very many documents are compacted in steps that write 500 rows at most", async () => {
    const { storage, control } = await diskWith(20_000);
    const { data } = await openTab(storage);
    const other = await openTab(storage);
    control.added.length = 0;
    for (let index = 0; index < 600; index++) {
      await data.applyPage([titled(`${index}`, `d${index * 30}`)], SYNC, []);
    }
    expect(control.added.length).toBeGreaterThan(600);
    expect(Math.max(...control.added)).toBeLessThanOrEqual(500);
    const disk = await rowsOnDisk(storage);
    expect(disk.segments.length).toBeLessThan(400);
    await other.data.reload();
    const expected = data.replica.shown;
    expect(expected.size).toBe(20_000);
    for (const { data: tab } of [other, await openTab(storage)]) {
      expect(tab.replica.shown).toEqual(expected);
    }
  });

  /** A disk as a client of that many documents leaves it. */
  async function diskWith(documents: number) {
    const { storage, control } = watched();
    const connection = await storage.open("a");
    await connection.transaction("write", ["meta", "rows"], async (tx) => {
      await writeSyncPoint(tx, { ...SYNC, round: 0 });
      for (let at = 0; at < documents; at += 500) {
        const row = { generation: 1, row: {} };
        const rows = Array.from({ length: 500 }, (_, index) => [`d${at + index}`, row] as const);
        await addSegment(tx, new Map(rows), Infinity);
      }
    });
    return { storage, control };
  }
});

it("an edit made while the server's answer is being stored follows its document", async () => {
  const tab = await openTab(watched().storage);
  const { data, titles } = tab;
  await data.save(data.add([insert("a")]));
  const outgoing = await tab.send();
  const result = { status: "accepted", generation: 3, ts: null } as const; // in a later generation
  const settling = data.settle([outgoing], [{ document: "a", result }]);
  const edit = data.add([retitle("while it was stored")]);
  await settling;
  await data.save(edit);
  expect(titles()).toEqual({ a: "while it was stored" });
  expect((await tab.send()).change).toMatchObject({ op: "update", generation: 3 });
});
