import { describe, expect, it, vi } from "vitest";
import { ReplicateError } from "../shared/errors.js";
import { encodeOperations } from "../shared/operations.js";
import type { StreamEntry } from "../shared/wire.js";
import { LocalData, type LocalDataListener } from "./local-data.js";
import { CURRENT_DATA } from "./migrations.js";
import type { OutboxRecord } from "./records.js";
import {
  bytesOf,
  entry,
  fields,
  inserting,
  quiet,
  renderBytes,
  setting,
  VirtualTime,
} from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import { seal, type Sealed } from "./storage/sealed.js";
import type { ReplicaStorage, StorageKey, StoreName } from "./storage/storage.js";

const SYNC = { cursor: "c", complete: true, syncedAt: 5 };
const titled = (document: string, title = document): StreamEntry =>
  entry(1, bytesOf(inserting({ title })), { document });
const retitled = (document: string, title: string): StreamEntry =>
  entry(1, bytesOf(setting({ title }), [bytesOf(inserting({ title: document }))], 78), {
    document,
  });

async function openTab(storage: ReplicaStorage) {
  const listener = {
    shown: vi.fn(),
    stored: vi.fn(),
    changed: vi.fn(),
    rejected: vi.fn(),
    lost: vi.fn(),
    healing: vi.fn(),
    cleared: vi.fn(),
  } satisfies LocalDataListener;
  const environment = new VirtualTime();
  environment.random = Math.random; // client ids have to differ
  const data = new LocalData({ name: "a", fields, storage, environment }, listener);
  await data.opened;
  await quiet();
  const titles = () =>
    Object.fromEntries([...data.replica.shown].map(([id, { title }]) => [id, title]));
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
  for (const document of ["a", "b", "c"]) await tab.data.applyPage([titled(document)], SYNC);
  return { storage, tab };
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
    expect(tab.listener.healing).not.toHaveBeenCalled(); // the server is not needed
    const again = await openTab(storage);
    expect(again.titles()).toEqual({ a: "a", b: "b", c: "c" });
    expect(again.listener.stored).not.toHaveBeenCalled();
  });

  it("never bring an older row back that lies before them", async () => {
    const { storage, tab } = await diskWithThree();
    await tab.data.applyPage([retitled("a", "newer")], SYNC);
    await damage(storage, "rows", -1);
    expect((await openTab(storage)).titles()).toEqual({ a: "newer", b: "b", c: "c" });
  });
});

describe("a damaged document", () => {
  /** Finds the damage as the syncing tab does, by a change from the server, and loads everything anew. */
  async function found() {
    const { storage, tab } = await diskWithThree();
    await damage(storage, "documents", "b");
    await tab.edit("b", "mine");
    tab.listener.shown.mockClear();
    await tab.data.applyPage([retitled("b", "theirs"), titled("d")], { ...SYNC, cursor: "d" });
    return { storage, tab };
  }

  it("begins a load anew, while rows and what is pending stay", async () => {
    const { tab } = await found();
    expect(tab.data.syncPoint).toMatchObject({ cursor: null, complete: false, syncedAt: 5 });
    expect(tab.listener.healing.mock.calls).toEqual([["begins"]]);
    expect(tab.titles()).toEqual({ a: "a", b: "mine", c: "c", d: "d" });
    expect(tab.data.replica.counts().pending).toBe(1);
    expect([...tab.data.replica.pending()]).toEqual([]); // its changes wait
  });

  it("is whole again after the load, which tells of differences only", async () => {
    const { storage, tab } = await found();
    tab.listener.shown.mockClear();
    await tab.data.applyPage([titled("a"), titled("b")], { ...SYNC, cursor: "b", complete: false });
    expect(tab.listener.shown).not.toHaveBeenCalled();
    await tab.data.applyPage([retitled("b", "theirs"), titled("c"), titled("d")], SYNC);
    expect(tab.listener.shown).not.toHaveBeenCalled(); // what is pending covers what changed
    expect(tab.listener.healing.mock.calls).toEqual([["begins"], ["done"]]);
    const [outgoing] = await tab.mint("b");
    expect(outgoing!.change).toMatchObject({ op: "update", generation: 1 });
    const bytes = outgoing!.change.parts[0]!.update;
    const base = [titled("b"), retitled("b", "theirs")].map((one) => one.bytes);
    expect(renderBytes(...base, bytes)).toEqual({ title: "mine" });
    const result = { status: "accepted", generation: 1, ts: null } as const;
    await tab.data.settle([outgoing!], [{ document: "b", result }]);
    expect((await openTab(storage)).titles()).toEqual({ a: "a", b: "mine", c: "c", d: "d" });
  });

  it("does not go back to what it was before while the load brings its history", async () => {
    const { storage, tab } = await diskWithThree();
    await tab.data.applyPage([retitled("b", "newer")], SYNC);
    await damage(storage, "documents", "b");
    await tab.data.applyPage([titled("d"), retitled("b", "newest")], SYNC);
    tab.listener.shown.mockClear();
    await tab.data.applyPage([titled("b")], { ...SYNC, complete: false });
    expect(tab.listener.shown).not.toHaveBeenCalled();
    await tab.data.applyPage([retitled("b", "newest")], SYNC);
    expect(tab.listener.shown.mock.calls).toEqual([[[{ id: "b", row: { title: "newest" } }]]]);
  });

  it("that the server has forgotten meanwhile goes", async () => {
    const { tab } = await found();
    await tab.data.applyPage([titled("a"), titled("c"), titled("d")], SYNC);
    expect(tab.titles()).toEqual({ a: "a", c: "c", d: "d" });
  });

  it("is found when it is minted, and holds up no other", async () => {
    const { storage, tab } = await diskWithThree();
    await damage(storage, "documents", "b");
    await tab.edit("b", "mine");
    await tab.edit("c", "mine too");
    const outgoing = await tab.mint("b", "c");
    expect(outgoing.map(({ change }) => change.document)).toEqual(["c"]);
    expect(tab.listener.healing.mock.calls).toEqual([["begins"]]);
    expect([...tab.data.replica.pending().keys()]).toEqual(["c"]);
  });

  it("is found when an answer comes, which comes again for the same bytes", async () => {
    const { storage, tab } = await diskWithThree();
    await tab.edit("b", "mine");
    const [outgoing] = await tab.mint("b");
    await damage(storage, "documents", "b");
    const answers = [
      { document: "b", result: { status: "accepted", generation: 1, ts: null } },
    ] as const;
    await tab.data.settle([outgoing!], [...answers]);
    expect(tab.titles()["b"]).toBe("mine");
    expect(tab.data.replica.counts().pending).toBe(1);
    await tab.data.applyPage([titled("b")], SYNC);
    expect(await tab.mint("b")).toEqual([outgoing]);
    await tab.data.settle([outgoing!], [...answers]);
    expect([tab.titles()["b"], tab.data.replica.counts().pending]).toEqual(["mine", 0]);
  });

  it("stops no tab that syncs at an earlier place: its page is not stored", async () => {
    const { storage, tab } = await diskWithThree();
    const other = await openTab(storage);
    await damage(storage, "documents", "b");
    await other.edit("b", "mine");
    await other.mint("b");
    await tab.data.applyPage([titled("d")], { ...SYNC, cursor: "later" });
    expect(tab.data.syncPoint).toMatchObject({ cursor: null, complete: false });
    expect(tab.listener.healing.mock.calls).toEqual([["begins"]]);
    expect((await openTab(storage)).data.syncPoint).toMatchObject({ cursor: null });
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
    expect(renderBytes(base, bytes(outgoing[0]), bytes(next))).toMatchObject({
      title: expect.any(String),
    });
    expect(bytes(next).slice(2, 6)).not.toEqual(bytes(outgoing[0]).slice(2, 6));
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
  await tab.data.applyPage([titled("a")], SYNC);
  await tab.edit("a", "stored");
  isNewer = true;
  await tab.edit("a", "unsaved").catch(() => undefined);
  expect(tab.listener.lost).toHaveBeenCalled();
  expect(tab.data.homeless().map(({ operations }) => operations.get("title"))).toEqual(["unsaved"]);
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
