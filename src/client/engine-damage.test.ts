import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { ReplicateError } from "../shared/errors.js";
import { encodeOperations } from "../shared/operations.js";
import { loadPart } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Recovered } from "../shared/wire.js";
import { openLocalData } from "./local-data/local-data-setup.test.js";
import { CURRENT_DATA } from "./store/migrations.js";
import type { OutboxRecord } from "./store/records.js";
import {
  bytesOf,
  entry,
  inserting,
  quiet,
  renderBytes,
  setting,
  VirtualTime,
  type Entry,
} from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import { seal, type Sealed } from "./storage/sealed.js";
import type { ReplicaStorage, StorageKey, StoreName } from "./storage/storage.js";

const SYNC = { cursor: "c", complete: true, syncedAt: 5 };
const titled = (document: string, title = document): Entry =>
  entry(1, bytesOf(inserting({ title })), { document });
const retitled = (document: string, title: string): Entry =>
  entry(1, bytesOf(setting({ title }), [bytesOf(inserting({ title: document }))], 78), {
    document,
  });

async function openTab(storage: ReplicaStorage) {
  const environment = new VirtualTime();
  environment.random = Math.random; // client ids have to differ
  const { data, listener, titles } = await openLocalData(storage, environment);
  await quiet();
  const edit = (document: string, title: string) =>
    data.save(data.add([{ document, kind: "update", operations: setting({ title }) }]));
  const mint = (...documents: string[]) => {
    const pending = data.replica.pending();
    return data.mint(new Map(documents.map((one) => [one, pending.get(one)!])));
  };
  return { data, listener, titles, edit, mint };
}
type Tab = Awaited<ReturnType<typeof openTab>>;

/** A disk with documents `a`, `b` and `c`, each in a segment of its own. */
async function diskWithThree() {
  const storage = memoryStorage();
  const tab = await openTab(storage);
  for (const document of ["a", "b", "c"]) await tab.data.applyPage([titled(document)], SYNC, []);
  return { storage, tab };
}

/** Sends what waits of a document, and has it accepted. */
async function answer({ data, mint }: Tab, document: string) {
  const [outgoing] = await mint(document);
  const result = { status: "accepted", generation: 1, ts: null } as const;
  await data.settle([outgoing!], [{ document, result }]);
}

async function damage(
  storage: ReplicaStorage,
  store: StoreName,
  which: StorageKey | number,
  how: (stored: Sealed) => unknown = ({ value, ...rest }) => ({ ...rest, value: [value] }),
) {
  const connection = await storage.open("a", CURRENT_DATA);
  await connection.transaction("write", [store], async (tx) => {
    const all = await tx.getAll(store);
    const [key, stored] =
      store === "documents" ? all.find(([key]) => key === which)! : all.at(which as number)!;
    await tx.put(store, key, how(stored as Sealed));
  });
}

describe("damaged rows", () => {
  it.each<[string, (stored: Sealed) => unknown]>([
    [
      "a bit flipped in a row",
      ({ value, ...rest }) => {
        const [[document, generation, json]] = value as [[string, number, string]];
        return { ...rest, value: [[document, generation, json.replace("b", "B")]] };
      },
    ],
    ["JSON cut off", () => seal([["b", 1, '{"title":"b']])],
    ["nothing at all", () => undefined],
  ])("are made anew from their documents, offline as well: %s", async (_name, how) => {
    const { storage } = await diskWithThree();
    await damage(storage, "rows", 1, how);
    const tab = await openTab(storage);
    expect(tab.titles()).toEqual({ a: "a", b: "b", c: "c" });
    expect(tab.listener.mustHeal).not.toHaveBeenCalled(); // the server is not needed
    const again = await openTab(storage);
    expect(again.titles()).toEqual({ a: "a", b: "b", c: "c" });
    expect(again.listener.stored).not.toHaveBeenCalled();
  });

  it.each<[string, (tab: Tab) => Promise<unknown>]>([
    ["a page", ({ data }) => data.applyPage([titled("d")], SYNC, [])],
    ["an answer", (tab) => answer(tab, "b")],
  ])(
    "that another tab stored are made anew also where %s is stored after them",
    async (_name, store) => {
      const { storage, tab } = await diskWithThree();
      await tab.edit("b", "b");
      const other = await openTab(storage);
      await other.data.applyPage([retitled("a", "newer")], SYNC, []);
      await damage(storage, "rows", -1);
      await store(tab);
      await tab.data.reload();
      await quiet();
      expect(tab.titles()).toMatchObject({ a: "newer", b: "b", c: "c" });
      const again = await openTab(storage);
      expect(again.titles()).toEqual(tab.titles());
      expect(again.listener.stored).not.toHaveBeenCalled(); // nothing is damaged any more
    },
  );

  it("never bring an older row back that lies before them", async () => {
    const { storage, tab } = await diskWithThree();
    await tab.data.applyPage([retitled("a", "newer")], SYNC, []);
    await damage(storage, "rows", -1);
    expect((await openTab(storage)).titles()).toEqual({ a: "newer", b: "b", c: "c" });
  });
});

describe("a damaged document", () => {
  /** What the server answers about a document, to who has nothing of it. */
  const whole = (document: string, ...entries: Entry[]): Recovered => {
    const doc = loadPart(entries.map(({ bytes }) => new Uint8Array(bytes)));
    const update = toArrayBuffer(Y.encodeStateAsUpdate(doc));
    return { document, generation: 1, live: true, update };
  };
  const news = [retitled("b", "theirs"), titled("d")];
  const both = whole("b", titled("b"), retitled("b", "theirs"));
  const LATER = { ...SYNC, cursor: "later" };
  const heal = ({ data }: Tab, ...recovered: Recovered[]) =>
    data.heal(recovered, data.replica.damaged);
  const calls = ({ listener }: Tab) =>
    [listener.mustHeal, listener.maySend].map(({ mock }) => mock.calls.length);

  /** Found by a change from the server, which goes by. */
  async function foundByPage() {
    const { storage, tab } = await diskWithThree();
    await damage(storage, "documents", "b");
    await tab.edit("b", "mine");
    tab.listener.shown.mockClear();
    expect(await tab.data.applyPage(news, LATER, [])).toEqual([]);
    return { storage, tab };
  }

  /** Found by a change from here: it waits, and nothing else does. */
  async function foundByMint() {
    const { storage, tab } = await diskWithThree();
    await damage(storage, "documents", "b");
    await tab.edit("b", "mine");
    await tab.edit("c", "mine too");
    const outgoing = await tab.mint("b", "c");
    expect(outgoing.map(({ change }) => change.document)).toEqual(["c"]);
    expect(calls(tab)).toEqual([1, 0]);
    expect([...tab.data.replica.pending().keys()]).toEqual(["c"]);
    return { storage, tab };
  }

  it("holds up no page that says something of it, but its own changes: its row stays (C7)", async () => {
    const { storage, tab } = await foundByPage();
    expect(calls(tab)).toEqual([1, 0]);
    for (const { data, titles } of [tab, await openTab(storage)]) {
      expect(data.syncPoint).toMatchObject(LATER);
      expect(titles()).toEqual({ a: "a", b: "mine", c: "c", d: "d" });
      expect(data.replica.counts().pending).toBe(1);
      expect(data.replica.pending().size).toBe(0);
    }
    const [held] = await tab.data.held(["b"]);
    expect(held).toEqual({ document: "b", generation: 0, stateVector: new ArrayBuffer(1) });
  });

  it("is whole again with what the server has of it, and what was pending is sent", async () => {
    const { storage, tab } = await foundByPage();
    await heal(tab, both);
    expect(calls(tab)).toEqual([1, 1]);
    const shown = tab.listener.shown.mock.calls; // what is pending covers what changed of `b`
    expect(shown).toEqual([[[{ id: "d", row: { title: "d" } }]]]);
    expect(tab.data.syncPoint).toMatchObject(LATER);
    const [outgoing] = await tab.mint("b");
    const bytes = outgoing!.change.parts[0]!.update;
    expect(renderBytes(both.update!, bytes)).toEqual({ title: "mine" });
    const result = { status: "accepted", generation: 1, ts: null } as const;
    await tab.data.settle([outgoing!], [{ document: "b", result }]);
    expect((await openTab(storage)).titles()).toEqual({ a: "a", b: "mine", c: "c", d: "d" });
  });

  it("is not healed by what was asked for before another page went by, in any tab (C7)", async () => {
    const { storage, tab } = await foundByMint();
    const asked = tab.data.replica.damaged;
    const other = await openTab(storage);
    await other.data.applyPage(news, LATER, []);
    await tab.data.heal([whole("b", titled("b"))], asked);
    expect([...tab.data.replica.damaged.keys()]).toEqual(["b"]);
    await heal(tab, both);
    expect(tab.data.replica.damaged.size).toBe(0);
    expect(tab.data.replica.base("b")?.row).toEqual({ title: "theirs" });
    expect(tab.data.syncPoint).toMatchObject(LATER);
  });

  it("is brought by a load of everything anew, and by nothing that was asked for before", async () => {
    const { tab } = await foundByMint();
    const asked = tab.data.replica.damaged;
    await tab.data.reset("c", "restored");
    await tab.data.heal([both], asked);
    await tab.data.applyPage(
      [titled("a"), retitled("b", "anew"), titled("b"), titled("c")],
      LATER,
      [],
    );
    while (tab.data.syncPoint.reset) await tab.data.showReloaded();
    expect(tab.titles()).toEqual({ a: "a", b: "mine", c: "mine too" });
    expect([...tab.data.replica.pending().keys()]).toEqual(["b", "c"]);
  });

  it("that is found while everything is loaded anew keeps its row and its changes", async () => {
    const { storage, tab } = await diskWithThree();
    await tab.edit("b", "mine");
    await tab.data.reset("c", "pruned");
    await damage(storage, "documents", "b");
    await tab.data.applyPage([titled("a"), titled("b"), titled("c")], LATER, []);
    while (tab.data.syncPoint.reset) await tab.data.showReloaded();
    expect(tab.titles()).toEqual({ a: "a", b: "mine", c: "c" });
    expect(tab.data.replica.counts()).toMatchObject({ pending: 1, rejected: 0 });
    await heal(tab, both);
    expect([...tab.data.replica.pending().keys()]).toEqual(["b"]);
  });

  it("takes another client id, because what was refused of it is forgotten (C4)", async () => {
    const { tab } = await foundByMint();
    await heal(tab, both);
    await tab.edit("a", "x");
    const ids = (await tab.mint("a", "b")).map(
      ({ change }) => Y.decodeUpdate(new Uint8Array(change.parts[0]!.update)).structs[0]!.id.client,
    );
    expect(ids[0]).not.toBe(ids[1]);
  });

  it("found by a change from here holds up no other, and no page", async () => {
    const { tab } = await foundByMint();
    expect([...tab.data.replica.damaged.keys()]).toEqual(["b"]);
    expect(await tab.data.applyPage(news, LATER, [])).toEqual([]);
    expect(tab.data.syncPoint).toMatchObject(LATER);
    expect(tab.titles()).toEqual({ a: "a", b: "mine", c: "mine too", d: "d" });
  });

  it("is mended on its own, and then sent", async () => {
    const { storage, tab } = await foundByMint();
    await heal(tab, both);
    expect(calls(tab)).toEqual([1, 1]);
    expect([...tab.data.replica.pending().keys()]).toEqual(["b", "c"]);
    expect((await tab.mint("b"))[0]!.change).toMatchObject({ op: "update", generation: 1 });
    const again = await openTab(storage);
    expect(calls(again)).toEqual([0, 0]);
    expect(again.data.syncPoint).toMatchObject(SYNC);
  });

  it.each(["update", "remove"] as const)(
    "has a refused change that was retried meanwhile sent in its own generation: %s",
    async (kind) => {
      const { storage, tab } = await diskWithThree();
      const operations = kind === "update" ? setting({ title: "mine" }) : new Map();
      await tab.data.save(tab.data.add([{ document: "b", kind, operations }]));
      const [refused] = await tab.mint("b");
      const result = { status: "rejected", code: "NO", message: "No." } as const;
      await tab.data.settle([refused!], [{ document: "b", result }]);
      await damage(storage, "documents", "b");
      await tab.data.applyPage([retitled("b", "theirs")], LATER, []);
      const [{ seq }] = tab.data.replica.recordsOf("b") as [OutboxRecord & { seq: number }];
      expect(await tab.data.decide((store) => store.retry(seq))).toBe(true);
      await heal(tab, both);
      const [outgoing] = await tab.mint("b");
      expect(outgoing?.change).toMatchObject({ op: kind, generation: 1 });
    },
  );

  it("is still to be mended after the page is gone", async () => {
    const { storage } = await foundByMint();
    const tab = await openTab(storage);
    expect(calls(tab)).toEqual([1, 0]);
    expect([...tab.data.replica.pending().keys()]).toEqual(["c"]);
  });

  it("that the server has not any more goes", async () => {
    const { storage, tab } = await foundByPage();
    await heal(tab, { document: "b", generation: 1, live: false, update: null });
    for (const { data } of [tab, await openTab(storage)]) {
      expect(data.replica.base("b")?.row).toBeNull();
    }
  });

  it("is found when an answer comes, which comes again for the same bytes", async () => {
    const { storage, tab } = await diskWithThree();
    await tab.edit("b", "mine");
    const [outgoing] = await tab.mint("b");
    await damage(storage, "documents", "b");
    const answers = [
      { document: "b", result: { status: "accepted", generation: 1, ts: null } },
    ] as const;
    for (let late = 0; late < 2; late++) {
      await tab.data.settle([outgoing!], [...answers]);
      expect(tab.titles()["b"]).toBe("mine");
      expect(tab.data.replica.counts().pending).toBe(1);
    }
    await heal(tab, whole("b", titled("b")));
    expect(await tab.mint("b")).toEqual([outgoing]);
    await tab.data.settle([outgoing!], [...answers]);
    expect([tab.titles()["b"], tab.data.replica.counts().pending]).toEqual(["mine", 0]);
  });

  it("found in another tab is heard of", async () => {
    const { storage, tab } = await diskWithThree();
    const other = await openTab(storage);
    await damage(storage, "documents", "b");
    await other.edit("b", "mine");
    await other.mint("b");
    await tab.data.reload();
    expect(calls(tab)).toEqual([1, 0]);
    await heal(tab, both);
    await other.data.reload();
    expect(calls(other)).toEqual([1, 1]);
  });
});

describe("an outbox record", () => {
  const codes = ({ data }: Tab) => data.replica.records().map(({ rejected }) => rejected?.code);

  async function withThreeEdits(group: boolean) {
    const { storage, tab } = await diskWithThree();
    await tab.edit("a", "first");
    await tab.edit("a", "second");
    await tab.edit("b", "other");
    const outgoing = group ? await tab.mint("a") : [];
    return { storage, outgoing };
  }

  it("that is damaged waits for the user, who is told once, and stops no other", async () => {
    const { storage } = await withThreeEdits(false);
    await damage(storage, "outbox", 0);
    const tab = await openTab(storage);
    expect(codes(tab)).toEqual(["OUTBOX_CORRUPT", undefined, undefined]);
    await tab.data.reload();
    expect(tab.listener.rejected).toHaveBeenCalledTimes(1);
    expect(tab.titles()).toMatchObject({ a: "second", b: "other" });
    expect((await tab.mint("a", "b")).map(({ change }) => change.document)).toEqual(["a", "b"]);
  });

  it("that is damaged can be discarded, but not sent again", async () => {
    const { storage } = await withThreeEdits(false);
    await damage(storage, "outbox", 0, () => "garbage");
    const tab = await openTab(storage);
    const [{ seq }] = tab.data.replica.records() as [OutboxRecord & { seq: number }];
    await expect(tab.data.decide((store) => store.retry(seq))).rejects.toMatchObject({
      code: "OUTBOX_CORRUPT",
    });
    expect(tab.data.storage.error).toBeNull();
    expect(await tab.data.decide((store) => store.discard(seq))).toBe(true);
    expect(codes(await openTab(storage))).toEqual([undefined, undefined]);
  });

  it("that held the bytes of a group takes only itself along: the rest goes under another client id", async () => {
    const { storage, outgoing } = await withThreeEdits(true);
    await damage(storage, "outbox", 0);
    const tab = await openTab(storage);
    const [next] = await tab.mint("a");
    expect(next!.change.op).toBe("update"); // and not a removal, as a group without bytes would be
    const bytes = (one: typeof next) => new Uint8Array(one!.change.parts[0]!.update);
    const base = titled("a").bytes;
    expect(renderBytes(base, bytes(next))).toEqual({ title: "second" });
    // Whether or not the lost bytes ever arrived, what follows them takes effect.
    expect(renderBytes(base, bytes(outgoing[0]), bytes(next))).toEqual({ title: "second" });
    expect(bytes(next).slice(2, 6)).not.toEqual(bytes(outgoing[0]).slice(2, 6));
  });

  it("that is retried before its document is loaded is sent in its own generation", async () => {
    const { tab } = await diskWithThree();
    await tab.edit("b", "mine");
    const [refused] = await tab.mint("b");
    const result = { status: "rejected", code: "NO", message: "No." } as const;
    await tab.data.settle([refused!], [{ document: "b", result }]);
    const empty = await openTab(memoryStorage());
    await empty.data.save(empty.data.adopt(tab.data.orphaned()));
    const [{ seq }] = empty.data.replica.records() as [OutboxRecord & { seq: number }];
    expect(await empty.data.decide((store) => store.retry(seq))).toBe(true);
    await empty.data.applyPage([titled("b")], SYNC, []);
    const [outgoing] = await empty.mint("b");
    expect(outgoing?.change).toMatchObject({ op: "update", generation: 1 });
  });

  it.each<[string, (stored: Sealed) => unknown]>([
    ["damaged", ({ value, ...rest }) => ({ ...rest, value: { ...(value as object), x: 1 } })],
    ["of a newer version", (stored) => ({ ...stored, format: 99 })],
  ])("that is %s can be sent from no other disk either (C4)", async (_name, how) => {
    const { storage } = await withThreeEdits(false);
    await damage(storage, "outbox", 2, how);
    const lost = (await openTab(storage)).data.orphaned();
    const { tab } = await diskWithThree();
    await tab.data.save(tab.data.adopt(lost));
    await tab.data.reload();
    const [{ seq }] = tab.data.replica.recordsOf("b") as [OutboxRecord & { seq: number }];
    const retrying = tab.data.decide((store) => store.retry(seq));
    await expect(retrying).rejects.toMatchObject({ code: "OUTBOX_CORRUPT" });
    const outgoing = await tab.mint(...tab.data.replica.pending().keys());
    expect(outgoing.map(({ change }) => [change.document, change.op])).toEqual([["a", "update"]]);
    expect(await tab.data.decide((store) => store.discard(seq))).toBe(true);
  });

  it("of a newer version is left alone, and so is its document until that version has sent it", async () => {
    const { storage } = await withThreeEdits(false);
    await damage(storage, "outbox", 0, (stored) => ({ ...stored, format: 99 }));
    const tab = await openTab(storage);
    expect(codes(tab)).toEqual(["NEWER_DATA", undefined, undefined]);
    expect([...tab.data.replica.pending().keys()]).toEqual(["b"]);
    const [{ seq }] = tab.data.replica.records() as [OutboxRecord & { seq: number }];
    expect(await tab.data.decide((store) => store.retry(seq))).toBe(false);
    expect(await tab.data.decide((store) => store.discard(seq))).toBe(false);
    expect(codes(await openTab(storage))).toEqual(["NEWER_DATA", undefined, undefined]);
  });
});

it("data of a newer version is left to it: what is unsaved moves on, what is stored stays", async () => {
  const storage = memoryStorage();
  let isNewer = false;
  const wrapped: ReplicaStorage = {
    kind: "indexeddb",
    async open(name, options) {
      const connection = await storage.open(name, options);
      const newer = () => Promise.reject(new ReplicateError("NEWER_DATA", "Reload."));
      return {
        close: () => connection.close(),
        transaction: (...args) => (isNewer ? newer() : connection.transaction(...args)),
      };
    },
  };
  const tab = await openTab(wrapped);
  await tab.data.applyPage([titled("a")], SYNC, []);
  await tab.edit("a", "stored");
  isNewer = true;
  await tab.edit("a", "unsaved").catch(() => undefined);
  expect(tab.listener.lost).toHaveBeenCalled();
  expect(tab.data.orphaned().map(({ operations }) => operations.get("title"))).toEqual(["unsaved"]);
});

describe("migrations", () => {
  it("bring what version 1 stored to the newest one, with everything pending", async () => {
    const storage = memoryStorage();
    const connection = await storage.open("a", { version: 1 });
    await connection.transaction("write", ["meta", "documents", "rows", "outbox"], async (tx) => {
      await tx.put("meta", "sync", SYNC);
      const updates = [new Uint8Array(titled("a").bytes)];
      for (let index = 0; index < 1_001; index++) {
        const base = { generation: 1, live: true, updates, clientId: null };
        await tx.put("documents", `d${index}`, base);
      }
      await tx.add(
        "rows",
        Array.from({ length: 1_001 }, (_, index) => [`d${index}`, 1, "{}"]),
      );
      await tx.add("outbox", {
        document: "d1",
        kind: "update",
        generation: 1,
        rejected: null,
        operations: encodeOperations(setting({ title: "x" })),
        group: null,
        update: null,
        alone: false,
      });
    });
    const tab = await openTab(storage);
    expect(tab.data.syncPoint).toMatchObject(SYNC);
    expect(tab.data.replica.shown.size).toBe(1_001);
    expect(tab.titles()["d1"]).toBe("x");
    const [outgoing] = await tab.mint("d1");
    expect(renderBytes(titled("a").bytes, outgoing!.change.parts[0]!.update)).toEqual({
      title: "x",
    });
  });
});
