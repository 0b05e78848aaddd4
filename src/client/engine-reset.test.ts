import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { StreamEntry } from "../shared/wire.js";
import { itemsOf } from "./outbox-items.js";
import { openLocalData } from "./local-data/local-data-setup.test.js";
import { isLoading } from "./store/sync-point.js";
import { bytesOf, entry, fields, inserting, quiet, setting, VirtualTime } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage, StorageConnection } from "./storage/storage.js";

// Loading everything anew, step by step, as the puller has it done.

const SYNC = { cursor: "c", complete: true, syncedAt: 5 };
const titled = (document: string, title = document, generation = 1): StreamEntry =>
  entry(generation, bytesOf(inserting({ title })), { document });

/** A storage whose page ends before its n-th transaction from now that writes. */
function mortal(storage: ReplicaStorage) {
  let left = Infinity;
  const wrap = (connection: StorageConnection): StorageConnection => ({
    ...connection,
    close: () => connection.close(),
    transaction: (mode, stores, body) =>
      mode !== "read" && left-- <= 0
        ? new Promise(() => undefined)
        : connection.transaction(mode, stores, body),
  });
  return {
    storage: {
      kind: storage.kind,
      open: async (...args) => wrap(await storage.open(...args)),
    } satisfies ReplicaStorage,
    dieAfter: (writes: number) => void (left = writes),
  };
}

async function openTab(storage: ReplicaStorage) {
  const environment = new VirtualTime();
  environment.random = Math.random; // client ids have to differ
  const { data, listener, titles } = await openLocalData(storage, environment);
  await quiet();
  const edit = (document: string, title: string) =>
    data.save(data.add([{ document, kind: "update", operations: setting({ title }) }]));
  const insert = (document: string, title: string) =>
    data.save(data.add([{ document, kind: "insert", operations: inserting({ title }) }]));
  const mint = () => data.mint(data.replica.pending());
  const items = () =>
    data.replica
      .records()
      .map((record) => itemsOf(record.document, undefined, [record], fields)[0]!)
      .map(({ id, status, row, ...rest }) => [
        id,
        "code" in rest ? rest.code : status,
        row?.["title"] ?? null,
      ]);
  return { data, listener, titles, edit, insert, mint, items };
}
type Tab = Awaited<ReturnType<typeof openTab>>;

/** A disk on which someone had `a`, `b` and `c` for very long, and worked with them meanwhile. */
async function oldDisk() {
  const storage = memoryStorage();
  const tab = await openTab(storage);
  await tab.data.applyPage([titled("a"), titled("b"), titled("c")], SYNC, []);
  await tab.edit("a", "mine");
  await tab.edit("b", "lost");
  await tab.insert("new", "new");
  tab.listener.shown.mockClear();
  return { storage, tab };
}

/** What the server has of it by now, in two pages. */
const PAGES = [
  { entries: [titled("a", "theirs")], cursor: "p1" },
  { entries: [titled("c"), titled("d")], cursor: "p2" },
];
const BEFORE = { a: "mine", b: "lost", c: "c", new: "new" };
const AFTER = { a: "mine", c: "c", d: "d", new: "new" };

/** Does what the puller does, from wherever it is, to the end. */
async function goOn({ data }: Tab, seen: () => void = () => undefined) {
  if (data.syncPoint.cursor === "c") await data.reset("c", "pruned");
  for (let n = 0; isLoading(data.syncPoint); n++) {
    expect(n, "it never ends").toBeLessThan(5);
    seen();
    const at = PAGES.findIndex(({ cursor }) => cursor === data.syncPoint.cursor) + 1;
    const { entries, cursor } = PAGES[at]!;
    const complete = at === PAGES.length - 1;
    await data.applyPage(entries, { cursor, complete, syncedAt: 9 }, []);
  }
  while (data.syncPoint.reset) {
    seen();
    await data.showReloaded();
  }
}

async function expectHealed(tab: Tab) {
  expect(tab.titles()).toEqual(AFTER);
  expect(tab.data.syncPoint).toMatchObject({ cursor: "p2", complete: true, syncedAt: 9 });
  expect(tab.data.syncPoint.reset).toBeUndefined();
  expect(tab.items()).toEqual([
    ["a", "pending", null],
    ["b", "UNKNOWN_DOCUMENT", "lost"],
    ["new", "pending", "new"],
  ]);
  const sent = await tab.mint();
  expect(sent.map(({ change }) => [change.document, change.op])).toEqual([
    ["a", "update"],
    ["new", "insert"],
  ]);
}

describe("loading everything anew", () => {
  it("shows what was there until all has come, and then only what differs", async () => {
    const { tab } = await oldDisk();
    await goOn(tab, () => expect(tab.titles()).toEqual(BEFORE));
    expect(tab.listener.shown.mock.calls.flat(2)).toEqual([
      { id: "b", row: null },
      { id: "d", row: { title: "d" } },
    ]);
    await expectHealed(tab);
    expect(tab.listener.rejected).toHaveBeenCalledTimes(1);
  });

  it("stays complete, and holds all changes back until it is done", async () => {
    const { tab } = await oldDisk();
    await goOn(tab, () => {
      expect(tab.data.syncPoint.complete).toBe(true);
      expect(tab.data.replica.pending().size).toBe(0);
    });
    expect(tab.listener.maySend).toHaveBeenCalled();
    expect([...tab.data.replica.pending().keys()]).toEqual(["a", "new"]);
  });

  it("comes to the same end wherever a page ends in between", async () => {
    for (let writes = 0; ; writes++) {
      const { storage } = await oldDisk();
      const dying = mortal(storage);
      const first = await openTab(dying.storage);
      dying.dieAfter(writes);
      const isDone = await Promise.race([goOn(first).then(() => true), quiet().then(() => false)]);
      const next = await openTab(storage);
      if (next.data.syncPoint.reset) expect(next.titles(), `${writes} writes`).toEqual(BEFORE);
      await goOn(next);
      await expectHealed(next);
      await expectHealed(await openTab(storage)); // and from disk
      if (isDone) return expect(writes).toBe(4);
    }
  });

  it("shows reloaded rows some at a time, and goes on with them after a crash", async () => {
    const storage = memoryStorage();
    const tab = await openTab(storage);
    const names = Array.from({ length: 450 }, (_, n) => `d${1000 + n}`);
    await tab.data.applyPage(
      names.map((name) => titled(name)),
      SYNC,
      [],
    );
    await tab.data.reset("c", "pruned");
    const kept = names.filter((_, n) => n % 2 === 0).map((name) => titled(name, "new"));
    await tab.data.applyPage(kept, { cursor: "p", complete: true, syncedAt: 9 }, []);
    await tab.data.showReloaded();
    const next = await openTab(storage);
    const titles = Object.values(next.titles());
    expect(titles.filter((title) => title === "new")).toHaveLength(100);
    expect(titles).toHaveLength(350);
    await goOn(next);
    expect(Object.values(next.titles())).toEqual(kept.map(() => "new"));
  });

  it("begins once, when two tabs hear of it, and a page of before it says nothing", async () => {
    const { storage, tab } = await oldDisk();
    const other = await openTab(storage);
    await tab.data.reset("c", "pruned");
    await other.data.applyPage([titled("b", "late")], { ...SYNC, cursor: "late" }, []);
    expect(other.data.syncPoint).toMatchObject({ cursor: null });
    await goOn(tab);
    await other.data.reset("c", "pruned"); // it stood still for a while
    expect(other.data.syncPoint).toMatchObject({ cursor: "p2" });
    expect(other.titles()).toEqual(AFTER);
    await other.data.applyPage([titled("z")], { ...SYNC, cursor: "p1", complete: false }, []);
    expect((await openTab(storage)).data.syncPoint).toMatchObject({ cursor: "p2", complete: true });
  });

  it("begins once more when that is needed, and nothing of the first time counts", async () => {
    const { tab } = await oldDisk();
    await tab.data.reset("c", "pruned");
    await tab.data.applyPage([titled("b")], { cursor: "p1", complete: false, syncedAt: null }, []);
    await tab.data.reset("p1", "restored");
    expect(tab.data.syncPoint.reset).toMatchObject({ reason: "restored", loaded: false });
    await goOn(tab);
    await expectHealed(tab);
  });

  it("gives the device another client id, and keeps what shows that the old one is its own", async () => {
    const { tab } = await oldDisk();
    const [before] = await tab.mint();
    await goOn(tab);
    await tab.edit("c", "more");
    const sent = await tab.mint();
    expect(sent.at(-1)!.sender).toEqual(before!.sender);
    const authors = new Set(sent.map(({ change }) => authorOf(change.parts[0]!.update)));
    expect(authors.size).toBe(2); // of before, which are sent again as they were, and of after
  });

  it("takes no answer to what was sent before, which comes again", async () => {
    const { tab } = await oldDisk();
    const sent = await tab.mint();
    await tab.data.reset("c", "pruned");
    const result = { status: "accepted", generation: 1, ts: null } as const;
    const results = sent.map(({ change }) => ({ document: change.document, result }));
    await tab.data.settle(sent, results);
    await goOn(tab);
    const again = await tab.mint();
    expect(again.map(({ change }) => change)).toContainEqual(sent[0]!.change);
  });
});

function authorOf(update: ArrayBuffer): number {
  return [...Y.decodeStateVector(Y.encodeStateVectorFromUpdate(new Uint8Array(update))).keys()][0]!;
}
