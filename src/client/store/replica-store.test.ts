import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { toArrayBuffer } from "../../shared/values.js";
import type { Result } from "../../shared/wire.js";
import type { Recovered } from "../../shared/wire.js";
import { ReplicaStore } from "./replica-store.js";
import { indexedDBStorage } from "../storage/indexeddb.js";
import { memoryStorage } from "../storage/memory.js";
import type { BaseRow } from "./rows.js";
import type { ReplicaStorage } from "../storage/storage.js";
import {
  bytesOf,
  entry,
  fields,
  inserting,
  local,
  renderBytes,
  setting,
  VirtualTime,
} from "../setup.test.js";

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

const SYNC = { cursor: "c", complete: true, syncedAt: 5, round: 0 };
/** Every segment: what other tabs store plays no part here. */
const SEEN = Infinity;

const created = bytesOf(inserting({ title: "t" }));
const insert = () => local("insert", 1, inserting({ title: "mine" }));
const retitle = (title: string, generation = 1) => local("update", generation, setting({ title }));
const accepted: Result = { status: "accepted", generation: 1, ts: null };
const refused: Result = { status: "rejected", code: "REFUSED", message: "No." };

/** A store over a storage, and a way to open it again as another page would. */
async function setUp(storage: ReplicaStorage) {
  let draw = 0;
  const random = () => (draw += 1) / 1_000;
  const open = async () => new ReplicaStore(await storage.open("a"), fields, random);
  const store = await open();
  const mint = async (seqs: number[]) => (await store.mint(new Map([["a", seqs]]), 0))[0];
  const answer = async (seqs: number[], result: Result, all = seqs) => {
    const outgoing = (await mint(seqs))!;
    return store.settle([{ outgoing, result, seqs: all }], SEEN);
  };
  const rows = async (from = store) => {
    const { segments } = await from.load(0);
    return new Map(segments.flatMap(([, rows]) => rows));
  };
  const outbox = async (from = store) => (await from.load(0)).records;
  return { storage, store, open, mint, answer, rows, outbox };
}

describe.each<[string, () => ReplicaStorage]>([
  ["memory", memoryStorage],
  ["IndexedDB", indexedDBStorage],
])("the replica in %s", (_name, make) => {
  it("begins with nothing", async () => {
    const { store } = await setUp(make());
    const point = { cursor: null, complete: false, syncedAt: null, round: 0 };
    const nothing = { segments: [], damagedSegments: [], records: [], damaged: new Map() };
    expect(await store.load(0)).toEqual({ point, ...nothing });
  });

  it("keeps entries, rows and the position after them, for the next page too", async () => {
    const { store, open, rows } = await setUp(make());
    const changes = await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    expect(changes.rows.get("a")).toEqual({ generation: 1, row: { title: "t" } });
    const again = await open();
    expect((await again.load(0)).point).toEqual(SYNC);
    expect(await rows(again)).toEqual(changes.rows);
    expect((await again.load(changes.segment!)).segments).toEqual([]);
  });

  it("writes no rows for a page that says nothing new, but its position", async () => {
    const { store } = await setUp(make());
    await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    const later = { ...SYNC, cursor: "later" };
    expect(await store.applyPage([entry(1, created)], later, SEEN, [])).toEqual({
      rows: new Map(),
      segment: null,
      missed: [],
      damagedSegments: [],
      missing: [],
      damaged: [],
      point: later,
    });
    expect(await store.load(0)).toMatchObject({ point: later, segments: { length: 1 } });
  });

  describe("of a page with a stub", () => {
    const edited = bytesOf(setting({ title: "edited" }), [created], 88);
    const stub = { ...entry(1, edited), bytes: null };
    const page = [entry(1, created, { document: "b" }), stub];
    const LATER = { ...SYNC, cursor: "later" };
    const answer = (rest: Partial<Recovered> = {}): Recovered => ({
      ...{ document: "a", generation: 1, live: true },
      ...{ update: toArrayBuffer(edited), ...rest },
    });
    const gone = (generation: number) => answer({ generation, live: false, update: null });

    async function stubbed() {
      const all = await setUp(make());
      await all.store.applyPage([entry(1, created)], SYNC, SEEN, []);
      expect(await all.store.applyPage(page, LATER, SEEN, [])).toEqual({
        ...{ rows: new Map(), segment: null, missed: [], damagedSegments: [] },
        ...{ missing: ["a"], damaged: [], point: SYNC },
      });
      return all;
    }

    it("stores nothing, and no position, before what it stands for is here (C7)", async () => {
      const { store, open, rows } = await stubbed();
      for (const one of [store, await open()]) {
        expect((await one.load(0)).point).toEqual(SYNC);
        expect([...(await rows(one)).keys()]).toEqual(["a"]);
      }
    });

    it("says what is here, for the server to add to", async () => {
      const { store } = await stubbed();
      const [a, b] = await store.held(["a", "b"]);
      expect(a!.generation).toBe(1);
      expect(Y.decodeStateVector(new Uint8Array(a!.stateVector))).toEqual(new Map([[77, 2]]));
      expect(b).toEqual({ document: "b", generation: 0, stateVector: new ArrayBuffer(1) });
    });

    it("stores all of it together once that is here", async () => {
      const { store, open, rows } = await stubbed();
      const applied = await store.applyPage(page, LATER, SEEN, [answer()]);
      expect(applied).toMatchObject({ missing: [], point: LATER });
      const again = await open();
      expect((await again.load(0)).point).toEqual(LATER);
      const shown = new Map([
        ["a", { generation: 1, row: { title: "edited" } }],
        ["b", { generation: 1, row: { title: "t" } }],
      ]);
      expect(await rows(again)).toEqual(shown);
      // Later entries that say the same add nothing.
      const { segment } = await store.applyPage([entry(1, edited)], LATER, SEEN, []);
      expect(segment).toBeNull();
    });

    it("adds to what another page has stored meanwhile", async () => {
      const { store, open } = await stubbed();
      const late = bytesOf(setting({ done: true }), [created], 99);
      await (await open()).applyPage([entry(1, late)], SYNC, SEEN, []);
      const { rows } = await store.applyPage(page, LATER, SEEN, [answer()]);
      expect(rows.get("a")?.row).toEqual({ title: "edited", done: true });
    });

    it.each([
      ["ended", 1],
      ["been forgotten", 0],
      ["ended twice", 2],
    ])("shows a document no more whose generation has %s meanwhile", async (_what, generation) => {
      const { store, rows } = await stubbed();
      await store.applyPage(page, LATER, SEEN, [gone(generation)]);
      expect((await rows()).get("a")).toMatchObject({ row: null });
      const tombstone = entry(1, null);
      const { segment } = await store.applyPage([tombstone], LATER, SEEN, []);
      expect(segment).toBeNull(); // it was known
    });

    it("shows the next generation of a document, whatever the page still says of the one before", async () => {
      const { store, rows } = await stubbed();
      const again = bytesOf(inserting({ title: "again" }), [], 99);
      const next = answer({ generation: 2, update: toArrayBuffer(again) });
      await store.applyPage(page, LATER, SEEN, [next]);
      await store.applyPage([entry(1, null), entry(2, again)], LATER, SEEN, []);
      expect((await rows()).get("a")).toEqual({ generation: 2, row: { title: "again" } });
    });

    it("takes a tombstone for what it is, however large it was", async () => {
      const { store } = await stubbed();
      const tombstone = { ...entry(1, null), bytes: null };
      const { rows, missing } = await store.applyPage([tombstone], LATER, SEEN, []);
      expect([missing, rows.get("a")?.row]).toEqual([[], null]);
    });
  });

  it("stays complete when a tab that was frozen brings a page of the load", async () => {
    const { store, open } = await setUp(make());
    await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    const early = { cursor: "early", complete: false, syncedAt: null, round: 0 };
    const { point } = await (await open()).applyPage([entry(1, created)], early, SEEN, []);
    expect(point).toEqual(SYNC);
    expect((await store.load(0)).point).toEqual(SYNC);
  });

  it("passes an entry by that cannot be read, and stores everything else of its page", async () => {
    const { store, rows } = await setUp(make());
    const broken = entry(1, new Uint8Array([255, 255]), { document: "b" });
    const page = await store.applyPage([entry(1, created), broken], SYNC, SEEN, []);
    expect(page.damaged).toEqual(["b"]);
    const { point, damaged } = await store.load(0);
    expect([point.cursor, [...damaged.keys()]]).toEqual([SYNC.cursor, ["b"]]);
    expect([...(await rows()).keys()]).toEqual(["a"]);
  });

  it("keeps local changes in the order they were made", async () => {
    const { store, open, outbox } = await setUp(make());
    const seqs = await store.addRecords([insert(), retitle("x")]);
    seqs.push(...(await store.addRecords([retitle("y")])));
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(await outbox(await open())).toEqual([
      { ...insert(), seq: seqs[0] },
      { ...retitle("x"), seq: seqs[1] },
      { ...retitle("y"), seq: seqs[2] },
    ]);
  });

  it("sends again exactly what it stored, from any page, whatever came since", async () => {
    const { store, mint, open } = await setUp(make());
    const seqs = await store.addRecords([insert(), retitle("x")]);
    const first = await mint(seqs);
    expect(renderBytes(...first!.change.parts.map(({ update }) => update))).toEqual({ title: "x" });
    seqs.push(...(await store.addRecords([retitle("later")])));
    await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    expect(await mint(seqs)).toEqual(first);
    const [again] = await (await open()).mint(new Map([["a", seqs]]), 0);
    expect(again).toEqual({ ...first, sender: again!.sender });
  });

  it("moves what was accepted from the outbox into the base", async () => {
    const { store, answer, rows, outbox, mint } = await setUp(make());
    const seqs = await store.addRecords([insert()]);
    const settled = await answer(seqs, accepted);
    expect(settled.done.map(({ seq }) => seq)).toEqual(seqs);
    expect(await outbox()).toEqual([]);
    expect((await rows()).get("a")).toEqual({ generation: 1, row: { title: "mine" } });
    const next = await mint(await store.addRecords([retitle("built on it")]));
    expect(next!.change).toMatchObject({ op: "update", generation: 1 });
  });

  it("takes what another page stored for an insert along into the generation that it was put into", async () => {
    const { store, open, mint, answer } = await setUp(make());
    const [seq] = await store.addRecords([insert()]);
    await mint([seq!]);
    const [before] = await (await open()).addRecords([retitle("before the answer")]);
    await answer([seq!], { status: "accepted", generation: 3, ts: null }); // knows of one record only
    const [after] = await (await open()).addRecords([retitle("after it")]);
    const { change } = (await mint([before!, after!]))!;
    expect(change).toMatchObject({ op: "update", generation: 3 });
  });

  it("takes an answer once, whichever pages hear it", async () => {
    const { store, mint, open } = await setUp(make());
    const seqs = await store.addRecords([insert()]);
    const answers = [{ outgoing: (await mint(seqs))!, result: accepted, seqs }];
    await store.settle(answers, SEEN);
    expect(await (await open()).settle(answers, SEEN)).toMatchObject({ done: [], segment: null });
    expect((await store.load(0)).segments).toHaveLength(1);
    const late = answers.map((answer) => ({ ...answer, result: refused }));
    expect(await store.settle(late, SEEN)).toMatchObject({ done: [], changed: [] });
  });

  it("mints nothing while bytes of another tab are on their way that this one has not heard of", async () => {
    const { store, mint, open } = await setUp(make());
    await mint(await store.addRecords([insert()]));
    const theirs = await open();
    const [unheard] = await theirs.addRecords([retitle("theirs")]);
    const [own] = await store.addRecords([retitle("ours")]);
    const all = (await store.load(0)).records.map(({ seq }) => seq!);
    await store.settle([{ outgoing: (await mint([all[0]!]))!, result: accepted, seqs: all }], SEEN);
    const sent = await theirs.mint(new Map([["a", [unheard!]]]), unheard! - 1);
    expect(sent).toHaveLength(1);
    expect(await store.mint(new Map([["a", [own!]]]), unheard! - 1)).toEqual([]);
    const [again] = await store.mint(new Map([["a", [unheard!, own!]]]), own!);
    expect(again!.change).toEqual(sent[0]!.change);
  });

  it("mints nothing for changes that are gone, refused, cancelled or dead", async () => {
    const { store, mint, answer, outbox } = await setUp(make());
    expect(await mint([99])).toBeUndefined();
    expect(await mint(await store.addRecords([insert(), local("remove", 1)]))).toBeUndefined();
    expect(await outbox()).toEqual([]);
    const [seq] = (await store.addRecords([insert()])) as [number];
    await answer([seq], refused);
    expect(await mint([seq])).toBeUndefined();
    await store.discard(seq);
    await store.applyPage([entry(1, created), entry(1, null)], SYNC, SEEN, []);
    expect(await mint(await store.addRecords([retitle("dead")]))).toBeUndefined();
    expect((await outbox()).map(({ rejected }) => rejected?.code)).toEqual(["DOCUMENT_REMOVED"]);
  });

  it("judges the changes of a refused group one by one", async () => {
    const { store, answer, mint, outbox } = await setUp(make());
    await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    const seqs = await store.addRecords([retitle("x"), retitle("y")]);
    await answer(seqs, refused);
    expect((await mint(seqs))!.seqs).toEqual([seqs[0]]);
    await answer(seqs, refused);
    expect((await outbox()).map(({ rejected }) => rejected?.code)).toEqual(["REFUSED", undefined]);
    expect((await mint(seqs))!.seqs).toEqual([seqs[1]]);
  });

  it("uses one client id for all, and another one after a refusal or over a live document", async () => {
    const { store, answer, mint } = await setUp(make());
    const clientOf = (one: Awaited<ReturnType<typeof mint>>) => {
      const [first] = one!.change.parts;
      return new Uint8Array(first!.update).slice(2, 6).join();
    };
    const other = { ...insert(), document: "b" };
    const [ours, theirs] = (await store.addRecords([insert(), other])) as [number, number];
    const own = clientOf(await mint([ours]));
    const [b] = await store.mint(new Map([["b", [theirs]]]), 0);
    expect(clientOf(b)).toBe(own);
    await answer([ours], accepted);
    const [refusedSeq] = (await store.addRecords([retitle("no")])) as [number];
    expect(clientOf(await mint([refusedSeq]))).toBe(own);
    await answer([refusedSeq], refused);
    const afterRefusal = await mint(await store.addRecords([retitle("x")]));
    expect(clientOf(afterRefusal)).not.toBe(own);
    await store.applyPage([entry(1, created, { document: "c" })], SYNC, SEEN, []);
    const over = await store.addRecords([{ ...insert(), document: "c" }]);
    const [onTop] = await store.mint(new Map([["c", over]]), 0);
    expect(clientOf(onTop)).not.toBe(own);
  });

  it("gives a refused change another chance as the newest, in the generation there is now", async () => {
    const { store, answer, outbox } = await setUp(make());
    await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    const [seq] = (await store.addRecords([retitle("x")])) as [number];
    await answer([seq], refused);
    const [later] = (await store.addRecords([retitle("y")])) as [number];
    await store.applyPage([entry(1, null), entry(2, created)], SYNC, SEEN, []);
    await store.retry(seq);
    await store.retry(later); // not refused: nothing to do
    const records = await outbox();
    expect(records).toMatchObject([
      { seq: later, generation: 1 },
      { operations: setting({ title: "x" }), generation: 2, rejected: null },
    ]);
    expect(records[1]!.seq).toBeGreaterThan(later);
  });

  it("gives up refused changes only: a pending one may be part of what is on its way", async () => {
    const { store, mint, outbox } = await setUp(make());
    await store.applyPage([entry(1, created)], SYNC, SEEN, []);
    const seqs = await store.addRecords([
      retitle("x"),
      local("update", 1, setting({ done: true })),
    ]);
    const sent = await mint(seqs);
    await store.discard(seqs[0]!);
    expect(await mint(seqs)).toEqual(sent);
    expect(await outbox()).toHaveLength(2);
  });

  it("moves rows out of their segments without losing a newer one of another page", async () => {
    const { store, open, rows } = await setUp(make());
    const page = (name: string, count: number) =>
      Array.from({ length: count }, (_, index) =>
        entry(1, created, { document: `${name}${index}`, row: { id: "", title: name } }),
      );
    const first = await store.applyPage(page("x", 3), SYNC, SEEN, []);
    const second = await store.applyPage(page("y", 2), SYNC, SEEN, []);
    const removed = [entry(1, null, { document: "x0" })];
    const newer = await (await open()).applyPage(removed, SYNC, SEEN, []); // another tab
    const before = await rows();
    const known: ReadonlyMap<string, BaseRow> = new Map([...first.rows, ...second.rows]);
    const from = [first.segment!, second.segment!];
    const moved = await store.moveRows(known, from, second.segment!);
    expect([...moved.rows.keys()]).toEqual(["x1", "x2", "y0", "y1"]);
    expect(moved.missed.map(([key]) => key)).toEqual([newer.segment]);
    const { segments } = await store.load(0);
    expect(segments.map(([key]) => key)).toEqual([newer.segment, moved.segment]);
    expect(await rows()).toEqual(before);
    const next = await store.applyPage(page("new", 1), SYNC, SEEN, []);
    expect(next.segment).toBeGreaterThan(moved.segment!);
  });

  it("serves two pages at once", async () => {
    const { store, open, rows, outbox } = await setUp(make());
    const other = await open();
    const page = (name: string) =>
      Array.from({ length: 5 }, (_, index) => entry(1, created, { document: `${name}${index}` }));
    const work = Array.from({ length: 10 }, (_, index) => {
      const page_ = index % 2 ? store : other;
      return [page_.addRecords([insert()]), page_.applyPage(page(`${index}-`), SYNC, SEEN, [])];
    });
    await Promise.all(work.flat());
    expect((await rows()).size).toBe(50);
    expect(new Set((await outbox()).map(({ seq }) => seq)).size).toBe(10);
  });
});

it("client ids are never the server's, whatever the draw", async () => {
  const time = new VirtualTime();
  const connection = await memoryStorage().open("a");
  const store = new ReplicaStore(connection, fields, () => time.random() * 0);
  await store.mint(new Map(), 0);
  const device = await connection.transaction("read", ["meta"], (tx) => tx.get("meta", "device"));
  expect(device).toMatchObject({ value: { clientId: 2 } });
});
