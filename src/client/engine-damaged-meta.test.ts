import { describe, expect, it } from "vitest";
import { Browser, insert, setUp } from "./engine-setup.test.js";
import { bytesOf, entry, HOUR, inserting, SECOND } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import { seal } from "./storage/sealed.js";
import type { ReplicaStorage } from "./storage/storage.js";
import { CURRENT_DATA } from "./store/migrations.js";

const titled = (document: string) =>
  entry(1, bytesOf(inserting({ title: document })), { document });

/**
 * A disk with `a`, `b` and an insert of `mine` that was not sent, where one value of `meta` is then
 * damaged. `a` has been given up, because it was damaged before, and not been recovered yet.
 */
async function damagedDisk(key: string, junk: unknown) {
  const storage = memoryStorage();
  const opens = { count: 0 };
  const disk: ReplicaStorage = {
    kind: "indexeddb",
    open: async (...args) => {
      opens.count += 1;
      return opens.count > 100 ? new Promise(() => undefined) : storage.open(...args);
    },
  };
  const connection = await storage.open("tasks", CURRENT_DATA);
  const before = setUp({ storage: disk });
  before.time.random = Math.random;
  before.server.log.push(titled("a"), titled("b"));
  before.server.unreadable.add("a");
  const { detach } = before.follow();
  await before.time.advance(SECOND);
  await connection.transaction("write", ["documents"], (tx) => tx.put("documents", "a", 0));
  before.server.log.push(titled("a"));
  before.server.release();
  await before.time.advance(SECOND);
  before.network.setConnected(false);
  before.engine.accept([insert("mine")]);
  before.engine.suspend({ code: "REFUSED", message: "Enough." }); // so that it ends with this unsent
  detach();
  await before.time.advance(SECOND);
  opens.count = 0;
  await connection.transaction("write", ["meta"], (tx) => tx.put("meta", key, junk));
  const value = () => connection.transaction("read", ["meta"], (tx) => tx.get("meta", key));
  const open = (browser = new Browser(), time?: ReturnType<typeof setUp>["time"]) => {
    const page = setUp({ storage: disk, server: before.server, browser, ...(time && { time }) });
    page.time.random = Math.random;
    return { ...page, ...page.follow() };
  };
  return { opens, open, value, server: before.server };
}

const JUNK: [string, unknown][] = [
  ["NaN", NaN],
  ["an object", {}],
  ["a text", "x"],
  ["a number", 5.5],
  ["a list", [5]],
  ["bytes", Uint8Array.of(1)],
];

describe("a count of deletions that was damaged", () => {
  it.each([...JUNK, ["a huge number", 2 ** 53] as const])("is as none: %s", async (_, junk) => {
    const { opens, open, server } = await damagedDisk("cleared", junk);
    server.unreadable.clear();
    const { time, engine, rows } = open();
    await time.advance(HOUR);
    expect(opens.count).toBe(1);
    expect([...rows.keys()].sort()).toEqual(["a", "b", "mine"]);
    expect(server.pushes).toEqual([["mine"]]);
    expect(engine.status.get()).toMatchObject({ phase: "live", pending: 0, reason: null });
  });

  it("is the same for two tabs, of which one deletes everything", async () => {
    const { opens, open } = await damagedDisk("cleared", {});
    const browser = new Browser();
    const one = open(browser);
    const other = open(browser, one.time);
    await one.time.advance(60 * SECOND);
    expect(opens.count).toBe(2);
    await one.engine.clear({ force: true });
    await one.time.advance(60 * SECOND);
    expect(opens.count).toBe(4);
    for (const { rows } of [one, other]) expect(rows.has("b")).toBe(true); // loaded again
  });
});

describe("a list of documents to recover that was damaged", () => {
  const sealed = seal([["a", 1]]);
  it.each([...JUNK, ["another sum", { ...sealed, sum: 1 }] as const])(
    "is made again from the documents: %s",
    async (_, junk) => {
      const { open, value, server } = await damagedDisk("refetch", junk);
      const { time, engine, rows } = open();
      await time.advance(60 * SECOND);
      expect([...rows.keys()].sort()).toEqual(["a", "b", "mine"]);
      expect(engine.status.get()).toMatchObject({
        phase: "catching-up",
        reason: { code: "SERVER_ERROR" },
        pending: 0,
        storage: { error: null },
      });
      expect(await value()).toMatchObject({ value: [["a", expect.any(Number)]] });
      server.unreadable.clear();
      await time.advance(60 * SECOND);
      expect(engine.status.get()).toMatchObject({ phase: "live", reason: null });
      expect(await value()).toBeUndefined();
    },
  );

  it("does not keep anyone from deleting everything", async () => {
    const { open } = await damagedDisk("refetch", 5);
    const { engine, rows, network, time } = open();
    network.setConnected(false);
    await engine.clear({ force: true });
    await time.advance(SECOND);
    expect(rows.size).toBe(0);
  });
});

it.each(JUNK)("a list of imports that was damaged lets an import come: %s", async (_, junk) => {
  const { open, value } = await damagedDisk("imports", junk);
  const { engine, time } = open();
  const rows = [{ id: "old", title: "t" }];
  const imported = engine.importOnce("one", async () => rows);
  await time.advance(60 * SECOND);
  expect(await imported).toMatchObject({ alreadyImported: false, inserted: 1 });
  expect(await value()).toEqual(["one"]);
});
