import { describe, expect, it } from "vitest";
import { insert, setUp } from "./engine-setup.test.js";
import type { LocalMutation } from "./local-write.js";
import { quiet, SECOND } from "./setup.test.js";

const retitle = (title: string): LocalMutation => ({
  type: "update",
  key: "a",
  original: { id: "a", title: "t" },
  modified: { id: "a", title },
});

/** A page that has changed `a`, offline, when its disk is lost: the new one takes nothing yet. */
async function openLost() {
  const page = setUp();
  const { rows } = page.follow();
  await page.time.advance(SECOND);
  page.network.setConnected(false);
  page.engine.accept([insert("a")]);
  await quiet();
  page.disk.lose();
  page.disk.fail = new Error("disk on fire");
  page.engine.accept([retitle("before")]); // finds out
  await quiet();
  const recover = async () => {
    page.disk.fail = null;
    page.network.setConnected(true);
    await page.time.advance(60 * SECOND);
  };
  return { ...page, rows, recover };
}

describe("what a lost disk held, and no other has yet", () => {
  it("is counted, and would be lost with the page", async () => {
    const { engine, server, recover } = await openLost();
    expect(engine.status.get()).toMatchObject({
      pending: 2,
      storage: { error: expect.anything() },
    });
    expect(engine.isUnsafe()).toBe(true);
    expect(engine.outbox.list()).toMatchObject([{ op: "insert" }, { op: "update" }]);
    await recover();
    expect(engine.status.get()).toMatchObject({ pending: 0, phase: "live" });
    expect(engine.isUnsafe()).toBe(false);
    expect(server.pushes.flat()).toEqual(["a"]);
  });

  it("is waited for by flush, and counted at every moment", async () => {
    const page = setUp();
    page.follow();
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    page.engine.accept([insert("a")]);
    await quiet();
    let isFlushed = false;
    void page.engine.flush().then(() => (isFlushed = true));
    await page.time.advance(120 * SECOND); // no push is on its way any more
    const counts: number[] = [];
    page.engine.status.subscribe(({ pending }) => counts.push(pending));
    page.disk.lose();
    page.engine.accept([retitle("before")]); // finds out
    await page.time.advance(10 * SECOND);
    expect([isFlushed, Math.min(...counts)]).toEqual([false, 2]);
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect([isFlushed, page.server.pushes]).toEqual([true, [["a"]]]);
  });

  it("is stored before what is changed since (D5)", async () => {
    const { engine, disk, rows, recover } = await openLost();
    disk.fail = null;
    engine.accept([retitle("after")]);
    await recover();
    expect(engine.status.get().pending).toBe(0);
    expect(rows.get("a")).toEqual({ title: "after" });
  });

  it("is stored and sent once, however many tabs had it", async () => {
    const a = setUp();
    const b = setUp(a);
    const pages = [a, b];
    for (const { follow } of pages) follow();
    await a.time.advance(SECOND);
    for (const { network } of pages) network.setConnected(false);
    a.engine.accept([insert("a")]);
    await a.time.advance(SECOND);
    a.disk.lose();
    a.engine.accept([retitle("mine")]);
    b.engine.accept([insert("b")]);
    await a.time.advance(SECOND);
    for (const { engine } of pages) {
      expect(engine.records().map(({ document }) => document)).toEqual(["a", "a", "b"]);
      expect(engine.status.get()).toMatchObject({ pending: 3 });
    }
    for (const { network } of pages) network.setConnected(true);
    await a.time.advance(60 * SECOND);
    expect(a.server.pushes.flat()).toEqual(["a", "b"]);
  });

  it("is not forgotten when that one is lost, too", async () => {
    const { disk, engine, rows, recover } = await openLost();
    disk.lose();
    engine.accept([insert("b")]);
    await quiet();
    await recover();
    expect(engine.status.get().pending).toBe(0);
    expect(Object.fromEntries(rows)).toEqual({ a: { title: "before" }, b: { title: "t" } });
  });
});
