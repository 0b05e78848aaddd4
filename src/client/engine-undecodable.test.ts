import { describe, expect, it } from "vitest";
import type { Recovered } from "../shared/wire.js";
import { insert, setUp } from "./engine-setup.test.js";
import { openLocalData } from "./local-data/local-data-setup.test.js";
import {
  bytesOf,
  entry,
  inserting,
  quiet,
  SECOND,
  setting,
  VirtualTime,
  type Entry,
} from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import { CURRENT_DATA } from "./store/migrations.js";

const GARBAGE = Uint8Array.of(1, 2, 3);
const SYNC = { cursor: "c", complete: true, syncedAt: 5 };

const titled = (document: string, title = document): Entry =>
  entry(1, bytesOf(inserting({ title })), { document });
const garbage = (document: string): Entry => entry(1, GARBAGE, { document });
/** As a first load brings it, which is shown and stored without a look at the bytes (C8). */
const beside = (document: string): Entry => ({
  ...garbage(document),
  row: { id: document, title: document },
});
const retitled = (document: string, title: string): Entry =>
  entry(1, bytesOf(setting({ title }), [bytesOf(inserting({ title: document }))], 78), {
    document,
  });

/** A tab whose disk has `a` and `b` from a first load, `b` with bytes that are none. */
async function setUpTab() {
  const storage = memoryStorage();
  const time = new VirtualTime();
  time.random = Math.random;
  const { data, titles } = await openLocalData(storage, time);
  await data.applyPage([titled("a"), beside("b")], SYNC, []);
  expect(titles()).toEqual({ a: "a", b: "b" });
  const edit = (document: string) =>
    data.save(data.add([{ document, kind: "update", operations: setting({ title: "mine" }) }]));
  const mint = (...documents: string[]) =>
    data.mint(new Map([...data.replica.pending()].filter(([one]) => documents.includes(one))));
  return { storage, data, titles, edit, mint };
}
type Tab = Awaited<ReturnType<typeof setUpTab>>;

describe("bytes that were not an update from the start", () => {
  const finders: [string, (tab: Tab) => Promise<unknown>][] = [
    ["a page", ({ data }) => data.applyPage([retitled("b", "theirs")], SYNC, [])],
    [
      "a change from here",
      async ({ edit, mint }) => {
        await edit("b");
        expect(await mint("b")).toEqual([]);
      },
    ],
    [
      "an answer",
      async ({ data, edit, mint, storage }) => {
        // Sent on what was sound then.
        await data.heal([], data.replica.damaged);
        await data.applyPage([titled("c")], SYNC, []);
        await edit("c");
        const outgoing = await mint("c");
        const connection = await storage.open("a", CURRENT_DATA);
        await connection.transaction("write", ["documents"], async (tx) => {
          await tx.put("documents", "c", await tx.get("documents", "b"));
        });
        const result = { status: "accepted", generation: 1, ts: null } as const;
        await data.settle(outgoing, [{ document: "c", result }]);
        expect([...data.replica.damaged.keys()]).toEqual(["c"]);
        await data.applyPage([retitled("b", "theirs")], SYNC, []);
        await data.heal([whole("c")], data.replica.damaged);
      },
    ],
    [
      "rows that are rebuilt",
      async ({ data, storage }) => {
        const connection = await storage.open("a", CURRENT_DATA);
        await connection.transaction("write", ["rows"], (tx) => tx.add("rows", 0));
        await data.reload();
        await quiet();
      },
    ],
  ];
  const whole = (document: string): Recovered => ({
    document,
    generation: 1,
    live: true,
    update: titled(document, "whole").bytes,
  });

  it.each(finders)("are given up once %s meets them, and recovered", async (_, find) => {
    const tab = await setUpTab();
    await find(tab);
    expect([...tab.data.replica.damaged.keys()]).toEqual(["b"]);
    expect(tab.data.replica.base("b")?.row).toEqual({ title: "b" }); // it stays on screen
    expect(tab.data.storage.error).toBeNull();
    await tab.data.heal([whole("b")], tab.data.replica.damaged);
    expect(tab.data.replica.damaged.size).toBe(0);
    expect(tab.data.replica.base("b")?.row).toEqual({ title: "whole" });
  });

  it("are given up where a load of everything again has brought them", async () => {
    const { data, titles } = await setUpTab();
    await data.reset("c", "restored");
    await data.applyPage([titled("a", "anew"), beside("b")], { ...SYNC, cursor: "d" }, []);
    while (data.syncPoint.reset) await data.showReloaded();
    expect(titles()).toEqual({ a: "anew", b: "b" });
    expect([...data.replica.damaged.keys()]).toEqual(["b"]);
  });

  it("leave no row to keep where a load of everything again has not brought them", async () => {
    const { data, titles, edit } = await setUpTab();
    await edit("b");
    await data.reset("c", "restored");
    await data.applyPage([titled("a", "anew")], { ...SYNC, cursor: "d" }, []);
    while (data.syncPoint.reset) await data.showReloaded();
    expect(titles()).toEqual({ a: "anew" });
    expect(data.replica.records()).toMatchObject([{ rejected: { code: "UNKNOWN_DOCUMENT" } }]);
  });

  it("are as nothing to who asks what is here", async () => {
    const { data } = await setUpTab();
    expect(await data.held(["b"])).toEqual([
      { document: "b", generation: 0, stateVector: new ArrayBuffer(1) },
    ]);
  });

  it("in a page pass by, and everything else of it is stored", async () => {
    const { data, titles } = await setUpTab();
    const page = [retitled("a", "A"), garbage("a"), garbage("c"), titled("d")];
    expect(await data.applyPage(page, { ...SYNC, cursor: "later" }, [])).toEqual([]);
    expect(data.syncPoint.cursor).toBe("later");
    expect(titles()).toEqual({ a: "a", b: "b", d: "d" });
    expect([...data.replica.damaged.keys()].sort()).toEqual(["a", "c"]);
  });

  it("hold up nothing while the server has nothing better, nor once it has", async () => {
    const page = setUp();
    page.time.random = Math.random;
    page.server.log.push(beside("a"), titled("b"));
    const { rows } = page.follow();
    await page.time.advance(SECOND);
    const recover = page.server.recover.bind(page.server);
    page.server.recover = (documents) => ({
      documents: documents.map(({ document }) => ({
        ...{ document, generation: 1, live: true },
        update: document === "a" ? GARBAGE.buffer : titled(document).bytes,
      })),
      identity: null,
    });
    page.server.log.push(retitled("a", "A"), garbage("b"), titled("c"));
    page.server.release();
    page.engine.accept([insert("mine")]);
    await page.time.advance(60 * SECOND);
    expect([...rows.keys()].sort()).toEqual(["a", "b", "c", "mine"]);
    expect(page.server.pushes).toEqual([["mine"]]);
    expect(page.engine.status.get()).toMatchObject({
      phase: "catching-up",
      reason: { code: "SERVER_ERROR", message: expect.stringContaining('"a"') },
      storage: { error: null },
    });
    page.server.log[0] = titled("a");
    page.server.recover = recover;
    await page.time.advance(60 * SECOND);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", reason: null });
    expect(rows.get("a")).toEqual({ title: "A" });
  });
});
