import { afterEach, describe, expect, it, vi } from "vitest";
import {
  Browser,
  expectNothingLeft,
  FakeServer,
  insert,
  leaveSuspended,
  setUp,
} from "./engine-setup.test.js";
import { HOUR, quiet, SECOND } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage } from "./storage/storage.js";

afterEach(() => vi.unstubAllGlobals());

/** A disk that gives this page nothing, so that everything is in memory. */
const refusing: ReplicaStorage = {
  kind: "indexeddb",
  open: () => Promise.reject(new Error("Not in private mode.")),
};

describe("an engine", () => {
  it("brings local changes to the server, and the server's to every listener", async () => {
    const page = setUp();
    const [one, two] = [page.follow(), page.follow()];
    page.engine.accept([insert("a")]);
    expect(one.rows.get("a")).toEqual({ title: "t" });
    await page.time.advance(SECOND);
    expect(page.server.pushes).toEqual([["a"]]);
    expect([one.rows, two.rows]).toEqual([new Map([["a", { title: "t" }]]), one.rows]);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0, complete: true });
    const other = setUp({ server: page.server });
    const { rows } = other.follow();
    await other.time.advance(SECOND);
    expect(rows).toEqual(one.rows);
  });

  it("records nothing of mutations of which one is refused", async () => {
    const page = setUp();
    const { rows } = page.follow();
    const bad = { ...insert("b"), modified: { id: "b", title: 1 } };
    expect(() => page.engine.accept([insert("a"), bad])).toThrow(/title/);
    await page.time.advance(SECOND);
    expect([rows.size, page.server.pushes]).toEqual([0, []]);
  });

  it("ignores updates that change nothing", async () => {
    const page = setUp();
    page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    const row = { id: "a", title: "t" };
    page.engine.accept([{ type: "update", key: "a", original: row, modified: { ...row } }]);
    expect(page.engine.status.get().pending).toBe(0);
  });

  it("flushes without waiting for a window, also before it is open", async () => {
    const page = setUp();
    page.follow();
    page.engine.accept([insert("a")]);
    await page.engine.flush();
    expect(page.server.pushes).toEqual([["a"]]);
    await page.engine.flush(); // nothing to do
  });
});

describe("ready", () => {
  it("is what is on disk, with no connection at all, once it has been loaded", async () => {
    const before = setUp();
    const { detach } = before.follow();
    before.engine.accept([insert("a")]);
    await before.time.advance(SECOND);
    detach();
    await quiet();
    const page = setUp({ storage: before.storage, connected: false });
    const { rows, ready } = page.follow();
    await quiet();
    expect(ready).toHaveBeenCalledTimes(1);
    expect(rows.has("a")).toBe(true);
    const late = page.follow();
    expect(late.ready).toHaveBeenCalledTimes(1);
    expect(late.rows.has("a")).toBe(true);
  });

  it("does not wait for a connection that does not come", async () => {
    const page = setUp({ connected: false });
    const { ready } = page.follow();
    await page.time.advance(1_999);
    expect(ready).not.toHaveBeenCalled();
    await page.time.advance(1);
    expect(ready).toHaveBeenCalledTimes(1);
    expect(page.engine.status.get()).toMatchObject({ phase: "offline", complete: false });
  });

  it("does not wait for a first load that hangs", async () => {
    const page = setUp();
    page.network.stream = () => new Promise(() => undefined);
    const { ready } = page.follow();
    await page.time.advance(5 * SECOND);
    expect(ready).toHaveBeenCalledTimes(1);
    expect(page.engine.status.get()).toMatchObject({ phase: "loading", complete: false });
  });
});

describe("coming and going", () => {
  it.each([100, HOUR])("leaves nothing behind once nobody listens, after %i ms", async (ms) => {
    const page = setUp();
    const { detach } = page.follow();
    await page.time.advance(ms);
    detach();
    await quiet();
    expectNothingLeft(page);
  });

  it("survives the double mounting of React's strict mode with one session", async () => {
    const page = setUp();
    page.follow().detach();
    const { rows } = page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    expect(page.browser.open.size).toBe(1);
    expect(page.server.subscriptions).toBe(1);
    expect(rows.has("a")).toBe(true);
  });

  it("leaves nothing behind when it is left before it was open", async () => {
    const page = setUp();
    page.follow().detach();
    await page.time.advance(HOUR);
    expectNothingLeft(page);
  });

  it("keeps going until everything is sent, then leaves nothing behind", async () => {
    const page = setUp({ connected: false });
    const { detach } = page.follow();
    page.engine.accept([insert("a")]);
    detach();
    await page.time.advance(HOUR);
    expect(page.browser.open.size).toBe(1);
    page.network.setConnected(true);
    await page.time.advance(60 * SECOND);
    expect(page.server.pushes).toEqual([["a"]]);
    expectNothingLeft(page);
  });

  it("goes on with nothing while someone else is signed in, and with everything afterwards", async () => {
    const page = setUp();
    await leaveSuspended(page);
    await page.time.advance(HOUR);
    expectNothingLeft(page);
    const { rows } = page.follow();
    await page.time.advance(HOUR);
    expect([rows.has("a"), page.server.pushes, page.server.subscriptions]).toEqual([true, [], 0]);
    page.engine.resume();
    await page.time.advance(SECOND);
    expect(page.server.pushes).toEqual([["a"]]);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", reason: null });
  });

  it("keeps what a page without a disk holds, while someone else is signed in", async () => {
    const page = setUp({ storage: refusing });
    await leaveSuspended(page);
    await page.time.advance(HOUR);
    const { rows } = page.follow();
    expect(rows.has("a")).toBe(true);
    page.engine.resume();
    await page.time.advance(SECOND);
    expect(page.server.pushes).toEqual([["a"]]);
  });

  it("keeps what was refused of a page without a disk, until the user decides", async () => {
    const page = setUp({ storage: refusing });
    const { detach } = page.follow();
    page.server.refuse = () => "No.";
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    detach();
    await page.time.advance(HOUR);
    const { detach: leave } = page.follow();
    await page.time.advance(SECOND);
    const items = page.engine.outbox.list();
    expect(items).toMatchObject([{ status: "rejected", id: "a", message: "No." }]);
    await page.engine.outbox.discard(items[0]!.seq!);
    leave();
    await quiet();
    expectNothingLeft(page);
  });

  it("starts again as often as one likes, and loses nothing", async () => {
    const page = setUp();
    for (let round = 0; round < 5; round++) {
      const { rows, detach } = page.follow();
      await page.time.advance(round * 7); // at different moments of its start
      page.engine.accept([insert(`d${round}`)]);
      await page.time.advance(round % 2 ? SECOND : 0);
      expect(rows.has(`d${round}`)).toBe(true);
      detach();
    }
    await page.time.advance(60 * SECOND);
    const { rows } = page.follow();
    await page.time.advance(SECOND);
    expect([...rows.keys()].sort()).toEqual(["d0", "d1", "d2", "d3", "d4"]);
    expect(page.server.log).toHaveLength(5);
    expect(page.server.subscriptions).toBe(1);
  });

  it("does nothing in a quiet hour but wait", async () => {
    const page = setUp();
    page.follow();
    await page.time.advance(10 * SECOND);
    const { fired } = page.time;
    await page.time.advance(HOUR);
    expect(page.time.fired).toBe(fired);
  });
});

describe("tabs", () => {
  it("see each other's changes at once, and one of them syncs", async () => {
    const a = setUp();
    const b = setUp(a);
    const [one, two] = [a.follow(), b.follow()];
    await a.time.advance(SECOND);
    await b.time.advance(SECOND);
    b.engine.accept([insert("b")]);
    await quiet();
    expect(one.rows.has("b")).toBe(true);
    await a.time.advance(SECOND);
    expect(a.server.pushes).toEqual([["b"]]);
    expect(a.server.subscriptions).toBe(1);
    expect(b.engine.status.get()).toMatchObject({ pending: 0, phase: "live" });
    one.detach();
    b.engine.accept([insert("c")]);
    await b.time.advance(SECOND);
    expect(a.server.pushes).toEqual([["b"], ["c"]]);
    expect(two.rows.size).toBe(2);
  });

  it("that share no disk do not wait for each other", async () => {
    const browser = new Browser();
    const server = new FakeServer();
    for (const storage of [memoryStorage, memoryStorage, () => refusing, () => refusing]) {
      const page = setUp({ browser, server, storage: storage() });
      page.follow();
      page.engine.accept([insert("a")]);
      await page.time.advance(10 * SECOND);
      expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
    }
  });
});

describe("bugs of those who listen", () => {
  it("change nothing about what is stored and sent", async () => {
    vi.stubGlobal("reportError", vi.fn());
    const page = setUp();
    const fail = () => {
      throw new Error("a bug in someone's listener");
    };
    page.engine.status.subscribe(fail);
    page.engine.rejections.on(fail);
    page.engine.attach({ shown: fail, ready: fail });
    const { rows } = page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(HOUR);
    expect(page.server.pushes).toEqual([["a"]]);
    expect(rows.has("a")).toBe(true);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
    expect(globalThis.reportError).toHaveBeenCalled();
  });
});

describe("a clock on the wall that jumps a day", () => {
  const DAY = 24 * HOUR;
  it.each([DAY, -DAY])("stops neither retries nor turns: by %i ms", async (shift) => {
    const a = setUp();
    const b = setUp(a);
    for (const { follow } of [a, b]) follow();
    await a.time.advance(SECOND);
    a.network.push = () => Promise.reject(new Error("The server is down."));
    b.engine.accept([insert("x")]);
    await a.time.advance(30 * SECOND);
    a.time.wallClockShift = shift;
    b.browser.freezeLeader();
    await a.time.advance(60 * SECOND);
    expect(a.server.pushes).toEqual([["x"]]);
    expect(b.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
    expect(b.engine.status.get().lastSyncedAt).toBeLessThanOrEqual(a.time.now());
  });
});
