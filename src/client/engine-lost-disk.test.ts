import { describe, expect, it } from "vitest";
import { ReplicateError } from "../shared/errors.js";
import { insert, setUp } from "./engine-setup.test.js";
import type { LocalMutation } from "./local-write.js";
import { bytesOf, entry, inserting, quiet, SECOND } from "./setup.test.js";

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

const removal: LocalMutation = {
  type: "delete",
  key: "a",
  original: { id: "a", title: "t" },
  modified: { id: "a", title: "t" },
};

describe("rows of a lost disk, which stay until they have come again", () => {
  /** A page without a connection that shows `a`, as the server has it, and has lost its disk. */
  async function openStale() {
    const page = setUp();
    const { rows } = page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    page.disk.lose();
    page.engine.accept([insert("b")]); // finds out
    await page.time.advance(SECOND);
    expect([...rows.keys()]).toEqual(["a", "b"]);
    const reconnect = async () => {
      page.network.setConnected(true);
      await page.time.advance(60 * SECOND);
      expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
    };
    return { ...page, rows, reconnect };
  }

  it("can be edited", async () => {
    const { engine, rows, reconnect, server, time } = await openStale();
    engine.accept([retitle("edited")]);
    expect(rows.get("a")).toEqual({ title: "edited" });
    await reconnect();
    expect(engine.status.get().rejected).toBe(0);
    expect(rows.get("a")).toEqual({ title: "edited" });
    const { rows: elsewhere } = setUp({ server, time }).follow();
    await time.advance(SECOND);
    expect(elsewhere.get("a")).toEqual({ title: "edited" });
  });

  it("wait with their edits until they have come, on whichever page", async () => {
    const { engine, reconnect, server, network } = await openStale();
    server.log.unshift(entry(1, bytesOf(inserting({ title: "z" })), { document: "z" }));
    network.stream = async ({ cursor }) => {
      const end = Number(cursor ?? 0) + 1;
      const { entries, ...page } = server.page(cursor);
      const done = end >= server.log.length;
      return { ...page, entries: entries.slice(0, 1), cursor: `${end}`, done };
    };
    server.refuse = ({ document }) =>
      document === "a" && !engine.status.get().complete ? "What does it build on?" : null;
    engine.accept([retitle("edited")]);
    await reconnect();
    expect([server.pushes.flat().sort(), engine.status.get().rejected]).toEqual([
      ["a", "a", "b"],
      0,
    ]);
  });

  it("can be removed", async () => {
    const { engine, rows, reconnect, server } = await openStale();
    engine.accept([removal]);
    expect([...rows.keys()]).toEqual(["b"]);
    await reconnect();
    expect([...rows.keys()]).toEqual(["b"]);
    expect(server.log.at(-1)).toMatchObject({ document: "a", kind: "tombstone", generation: 1 });
  });

  it("are there for who comes now, and can be edited when the next disk is lost, too", async () => {
    const { engine, rows, reconnect, disk, follow, time, server } = await openStale();
    expect([...follow().rows.keys()]).toEqual(["a", "b"]);
    disk.lose();
    engine.accept([insert("c")]);
    await time.advance(SECOND);
    engine.accept([retitle("edited")]);
    expect(rows.get("a")).toEqual({ title: "edited" });
    await reconnect();
    expect([...rows]).toEqual([
      ["a", { title: "edited" }],
      ["b", { title: "t" }],
      ["c", { title: "t" }],
    ]);
    expect(server.pushes.flat().sort()).toEqual(["a", "a", "b", "c"]);
  });

  it("can be edited when a newer page has the disk", async () => {
    const page = setUp();
    const { rows } = page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    page.disk.fail = new ReplicateError("NEWER_DATA", "Reload.");
    page.engine.accept([insert("b")]);
    await page.time.advance(SECOND);
    page.engine.accept([retitle("edited")]);
    expect(rows.get("a")).toEqual({ title: "edited" });
    page.network.setConnected(true);
    await page.time.advance(60 * SECOND);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0, rejected: 0 });
    expect(rows.get("a")).toEqual({ title: "edited" });
  });

  it("go when the server has them no more, and an edit of one is refused", async () => {
    const { engine, rows, reconnect, server } = await openStale();
    engine.accept([retitle("edited")]);
    const other = setUp({ server });
    const { detach } = other.follow();
    await other.time.advance(SECOND);
    other.engine.accept([removal]);
    await other.time.advance(SECOND);
    detach();
    await reconnect();
    expect([...rows.keys()]).toEqual(["b"]);
    expect(engine.outbox.list()).toMatchObject([{ id: "a", code: "DOCUMENT_REMOVED" }]);
  });
});
