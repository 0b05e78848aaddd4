import { describe, expect, it } from "vitest";
import { expectNothingLeft, insert, setUp } from "./engine-setup.test.js";
import { clearable } from "./store/clearable.js";
import { HOUR, quiet, SECOND } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";

describe("clear", () => {
  it("deletes everything, and the collection begins with a first load again", async () => {
    const page = setUp();
    const { rows } = page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    await page.engine.clear({ force: false });
    expect(rows.size).toBe(0);
    await page.time.advance(10 * SECOND);
    expect(page.engine.status.get()).toMatchObject({ complete: false, lastSyncedAt: null });
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect([...rows.keys()]).toEqual(["a"]);
    page.engine.accept([insert("b")]);
    await page.time.advance(SECOND);
    expect(page.server.pushes).toEqual([["a"], ["b"]]);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", complete: true });
  });

  it("is refused, and says how much would be lost, while the server lacks changes", async () => {
    const page = setUp();
    const { rows } = page.follow();
    await page.time.advance(SECOND);
    page.server.refuse = ({ document }) => (document === "bad" ? "No." : null);
    page.engine.accept([insert("bad")]);
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    page.engine.accept([insert("a"), insert("b")]);
    await expect(page.engine.clear({ force: false })).rejects.toMatchObject({
      code: "UNSENT_CHANGES",
      message: expect.stringMatching(/^3 changes .* 2 not sent yet, 1 refused/),
    });
    expect(rows.size).toBe(2);
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect(page.server.pushes.flat().sort()).toEqual(["a", "b", "bad"]);
  });

  it("loses them when forced, and whoever waits for them is told", async () => {
    const page = setUp({ connected: false });
    const { rows } = page.follow();
    page.engine.accept([insert("a")]);
    await quiet();
    const told = [page.engine.when("a", "accepted"), page.engine.flush()].map((waiting) =>
      expect(waiting).rejects.toMatchObject({ code: "DATA_CLEARED" }),
    );
    await quiet();
    page.engine.accept([insert("unsaved")]);
    await page.engine.clear({ force: true });
    await Promise.all(told);
    page.network.setConnected(true);
    await page.time.advance(HOUR);
    expect([rows.size, page.server.pushes]).toEqual([0, []]);
    expect(page.engine.status.get()).toMatchObject({ pending: 0, phase: "live" });
  });

  it("loses what a full disk did not take, too, when forced", async () => {
    const page = setUp({ connected: false });
    const { rows } = page.follow();
    await quiet();
    page.disk.isFull = true;
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    await expect(page.engine.clear({ force: false })).rejects.toThrow(/^1 change /);
    await page.engine.clear({ force: true });
    page.disk.isFull = false;
    page.network.setConnected(true);
    await page.time.advance(HOUR);
    expect([rows.size, page.server.pushes]).toEqual([0, []]);
  });

  it("counts what another tab has, and empties that one as well", async () => {
    const a = setUp();
    const b = setUp(a);
    const [one, two] = [a.follow(), b.follow()];
    b.engine.accept([insert("a")]);
    await a.time.advance(SECOND);
    for (const { network } of [a, b]) network.setConnected(false);
    b.engine.accept([insert("b")]);
    await quiet();
    await expect(a.engine.clear({ force: false })).rejects.toThrow(/^1 change /);
    await a.engine.clear({ force: true });
    await quiet();
    expect([one.rows.size, two.rows.size]).toEqual([0, 0]);
    for (const { network } of [a, b]) network.setConnected(true);
    await a.time.advance(10 * SECOND);
    expect(a.server.pushes).toEqual([["a"]]);
    expect([[...one.rows.keys()], [...two.rows.keys()]]).toEqual([["a"], ["a"]]);
    two.detach();
    one.detach();
    await quiet();
    expectNothingLeft(a);
    expectNothingLeft(b);
  });

  it("counts what another tab has that this one has not heard of", async () => {
    const a = setUp();
    const b = setUp(a);
    for (const { follow } of [a, b]) follow();
    await a.time.advance(SECOND);
    for (const { network } of [a, b]) network.setConnected(false);
    a.browser.frozen.add(a.tab());
    b.engine.accept([insert("b")]);
    await quiet();
    await expect(a.engine.clear({ force: false })).rejects.toThrow(/^1 change /);
  });

  it("empties other tabs also when this one does not use the collection any more", async () => {
    const a = setUp();
    const b = setUp(a);
    const [one, two] = [a.follow(), b.follow()];
    b.engine.accept([insert("a")]);
    await a.time.advance(SECOND);
    one.detach();
    b.network.setConnected(false);
    await quiet();
    await a.engine.clear({ force: false });
    await quiet();
    expect(two.rows.size).toBe(0);
  });

  it("leaves nothing of the past to a tab that was frozen meanwhile", async () => {
    const a = setUp();
    const b = setUp(a);
    const [one, two] = [a.follow(), b.follow()];
    a.engine.accept([insert("a")]);
    await a.time.advance(SECOND);
    const frozen = a.browser.freezeLeader();
    const push = a.server.pushes.length;
    a.server.hold(); // its subscription brings nothing for now
    b.engine.accept([insert("b")]);
    await quiet();
    await b.engine.clear({ force: true });
    a.server.release();
    a.browser.thaw(frozen);
    await a.time.advance(30 * SECOND);
    expect([...one.rows.keys()].sort()).toEqual([...two.rows.keys()].sort());
    const fresh = setUp({ storage: a.storage, server: a.server });
    const { rows } = fresh.follow();
    await fresh.time.advance(SECOND);
    expect([...rows.keys()]).toEqual(["a"]);
    expect(a.server.pushes.length).toBe(push);
  });

  it("keeps a change of another tab that has not heard of it", async () => {
    const a = setUp();
    const b = setUp(a);
    const [, { rows }] = [a.follow(), b.follow()];
    await a.time.advance(SECOND);
    b.browser.frozen.add(b.tab());
    await a.engine.clear({ force: true });
    b.engine.accept([insert("b")]);
    await a.time.advance(10 * SECOND);
    expect(a.server.pushes).toEqual([["b"]]);
    expect(rows.has("b")).toBe(true);
  });

  it("works, and ends, when nobody uses the collection", async () => {
    const page = setUp();
    const { detach } = page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    detach();
    await quiet();
    await page.engine.clear({ force: false });
    await quiet();
    expectNothingLeft(page);
    const again = setUp({ storage: page.storage, connected: false });
    const { rows } = again.follow();
    await again.time.advance(SECOND);
    expect(rows.size).toBe(0);
  });
});

describe("a connection to data that can be cleared", () => {
  async function setUpTwo() {
    const storage = memoryStorage();
    const raw = await storage.open("a");
    await raw.transaction("write", ["meta"], (tx) => tx.put("meta", "identity", "of the storage"));
    const [a, b] = [clearable(raw), clearable(await storage.open("a"))];
    const put = (connection: typeof a) =>
      connection.transaction("write", ["rows"], async (tx) => void (await tx.add("rows", 1)));
    for (const connection of [a, b]) await put(connection);
    return { raw, storage, a, b, put };
  }

  it("refuses to read and to write once another one has deleted it", async () => {
    const { a, b, put } = await setUpTwo();
    await a.clear({ force: false });
    await expect(put(b)).rejects.toMatchObject({ code: "DATA_CLEARED" });
    const read = b.transaction("read", ["rows"], (tx) => tx.getAll("rows"));
    await expect(read).rejects.toMatchObject({ code: "DATA_CLEARED" });
    await expect(b.clear({ force: true })).rejects.toMatchObject({ code: "DATA_CLEARED" });
  });

  it("leaves what the storage itself keeps", async () => {
    const { a, raw } = await setUpTwo();
    await a.clear({ force: false });
    await raw.transaction("read", ["meta", "rows"], async (tx) => {
      expect(await tx.get("meta", "identity")).toBe("of the storage");
      expect(await tx.getAll("rows")).toEqual([]);
    });
  });

  it("deletes nothing, unless forced, while the outbox holds anything", async () => {
    const { a, raw } = await setUpTwo();
    await raw.transaction("write", ["outbox"], async (tx) => void (await tx.add("outbox", 1)));
    expect(await a.clear({ force: false })).toBe(false);
    const rows = await a.transaction("read", ["rows"], (tx) => tx.getAll("rows"));
    expect(rows).toHaveLength(2);
    expect(await a.clear({ force: true })).toBe(true);
  });
});
