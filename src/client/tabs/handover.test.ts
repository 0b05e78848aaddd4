import { describe, expect, it } from "vitest";
import type { Result } from "../../shared/wire.js";
import { insert, setUp } from "../engine-setup.test.js";
import { LocalData } from "../local-data/local-data.js";
import { fields, HOUR, inserting, SECOND, setting, VirtualTime } from "../setup.test.js";
import { memoryStorage } from "../storage/memory.js";

type Page = ReturnType<typeof setUp>;

/** Tabs of one browser, the first of which leads. */
async function openTabs(count: number) {
  const first = setUp();
  const pages = [first];
  while (pages.length < count) pages.push(setUp(first));
  const rows = pages.map(({ follow }) => follow().rows);
  await first.time.advance(SECOND);
  return { ...first, pages, rows };
}

const ids = (rows: ReadonlyMap<string, unknown>) => [...rows.keys()].sort();
const setVisible = ({ page }: Page, visible: boolean) => page.setVisible(visible);

describe("six tabs", () => {
  it("go on when the one that syncs is killed, and the next, and the next", async () => {
    const { pages, rows, browser, server, time } = await openTabs(6);
    for (let round = 0; round < 5; round++) {
      pages[5]!.engine.accept([insert(`d${round}`)]);
      browser.kill(pages[round]!.tab());
      await time.advance(SECOND);
      expect(server.pushes.flat()).toContain(`d${round}`);
    }
    expect(ids(rows[5]!)).toEqual(["d0", "d1", "d2", "d3", "d4"]);
    expect(server.pushes.flat()).toHaveLength(5);
  });

  it("go on when the one that syncs is frozen, and nothing is sent twice when it thaws", async () => {
    const { pages, rows, browser, server, time } = await openTabs(6);
    const frozen = browser.freezeLeader();
    pages[3]!.engine.accept([insert("a")]);
    await time.advance(30 * SECOND);
    expect(server.pushes).toEqual([["a"]]);
    pages[4]!.engine.accept([insert("b")]);
    await time.advance(SECOND);
    browser.thaw(frozen);
    await time.advance(HOUR);
    pages[0]!.engine.accept([insert("c")]);
    await time.advance(SECOND);
    expect(server.pushes).toEqual([["a"], ["b"], ["c"]]);
    for (const shown of rows) expect(ids(shown)).toEqual(["a", "b", "c"]);
    expect(server.subscriptions).toBe(1);
    for (const { engine } of pages) expect(engine.status.get()).toMatchObject({ phase: "live" });
  });

  it("that are all seen leave the one alone that syncs", async () => {
    const { browser, time } = await openTabs(6);
    await time.advance(HOUR);
    expect(browser.handovers).toBe(1);
  });

  it("of which one is seen: that one syncs, and it stays so", async () => {
    const { pages, browser, time } = await openTabs(6);
    for (const page of pages.slice(0, 5)) setVisible(page, false);
    await time.advance(20 * SECOND);
    expect(browser.leader).toBe(pages[5]!.tab());
    const { handovers } = browser;
    await time.advance(HOUR);
    expect(browser.handovers).toBe(handovers);
  });

  it("that are switched between quickly keep the one that syncs", async () => {
    const { pages, browser, time } = await openTabs(6);
    for (const page of pages) setVisible(page, false);
    for (let round = 0; round < 30; round++) {
      const page = pages[round % 6]!;
      setVisible(page, true);
      await time.advance(3 * SECOND);
      setVisible(page, false);
    }
    expect(browser.leader).toBe(pages[0]!.tab());
    expect(browser.handovers).toBe(1);
  });

  it("ask nothing of each other once nobody sees them", async () => {
    const { pages, time } = await openTabs(6);
    for (const page of pages) setVisible(page, false);
    await time.advance(10 * SECOND);
    const { fired } = time;
    await time.advance(HOUR);
    expect(time.fired).toBe(fired);
  });
});

describe("a tab that takes over", () => {
  it("is live only once it is itself", async () => {
    const { pages, browser, time } = await openTabs(2);
    const [a, b] = pages as [Page, Page];
    const { protocol } = b.network;
    b.network.protocol = () => new Promise(() => undefined);
    browser.kill(a.tab());
    await time.advance(20 * SECOND);
    expect(b.engine.status.get()).toMatchObject({ phase: "catching-up", complete: true });
    b.network.protocol = protocol;
    await time.advance(60 * SECOND);
    expect(b.engine.status.get()).toMatchObject({ phase: "live", reason: null });
  });

  it("does not go on saying what was wrong for the one before", async () => {
    const { pages, browser, time, server, disk } = await openTabs(2);
    const [a, b] = pages as [Page, Page];
    a.engine.accept([insert("a")]);
    await time.advance(SECOND);
    await disk.damage("a");
    server.unreadable.add("a");
    const row = { id: "a", title: "t" };
    a.engine.accept([
      { type: "update", key: "a", original: row, modified: { ...row, title: "u" } },
    ]);
    await time.advance(SECOND);
    expect(b.engine.status.get().reason).toMatchObject({ code: "SERVER_ERROR" });
    browser.freezeLeader(); // it heals the document, but nobody hears of it any more
    server.unreadable.clear();
    await time.advance(120 * SECOND);
    expect(browser.leader).toBe(b.tab());
    expect(b.engine.status.get()).toMatchObject({ phase: "live", pending: 0, reason: null });
  });
});

describe("a tab whose code does not fit the server", () => {
  it("lets one that does sync, and says what is wrong with itself", async () => {
    const old = setUp();
    const { protocol } = old.network;
    old.network.protocol = async () => ({ ...(await protocol()), fields: "newer" });
    old.follow();
    await old.time.advance(SECOND);
    const fresh = setUp(old);
    const { rows } = fresh.follow();
    old.engine.accept([insert("a")]);
    await old.time.advance(10 * SECOND);
    expect(old.server.pushes).toEqual([["a"]]);
    expect(ids(rows)).toEqual(["a"]);
    expect(fresh.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
    await old.time.advance(HOUR);
    expect(old.engine.status.get()).toMatchObject({
      phase: "blocked",
      pending: 0,
      reason: { code: "FIELDS_MISMATCH" },
    });
  });

  it("syncs once the server fits again", async () => {
    const page = setUp();
    const { protocol } = page.network;
    page.network.protocol = async () => ({ ...(await protocol()), fields: "newer" });
    page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(HOUR);
    expect(page.server.pushes).toEqual([]);
    page.network.protocol = protocol;
    await page.time.advance(120 * SECOND);
    expect(page.server.pushes).toEqual([["a"]]);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
  });
});

describe("a tab in which someone else is signed in", () => {
  /** Who is signed in to a page, as the server names them; `to` changes that. */
  function signIn({ network }: Page, to: string | null) {
    const who = { to };
    const { protocol, stream, subscribe } = network;
    network.protocol = async () => ({ ...(await protocol()), identity: who.to as never });
    network.stream = async (args) => ({ ...(await stream(args)), identity: who.to });
    network.subscribe = (cursor, onPage) =>
      subscribe(cursor, (page) => onPage({ ...page, identity: who.to }));
    return who;
  }

  /** Two tabs over the data of Ann, who was here before; the first one leads. */
  async function openBoth(first: string | null, second: string | null) {
    const before = setUp();
    signIn(before, "ann");
    const { detach } = before.follow();
    await before.time.advance(SECOND);
    detach();
    const [a, b] = [setUp(before), setUp(before)];
    const [inA, inB] = [signIn(a, first), signIn(b, second)];
    a.follow();
    b.follow();
    await a.time.advance(SECOND);
    expect(a.browser.leader).toBe(a.tab());
    return { ...before, a, b, inA, inB };
  }
  const wrong = { phase: "blocked", reason: { code: "IDENTITY_CHANGED" } };

  it.each([null, "bob"])("lets one of the owner sync, here beside %s", async (other) => {
    const { a, b, time, server } = await openBoth(other, "ann");
    await time.advance(20 * SECOND);
    b.engine.accept([insert("b")]);
    await time.advance(SECOND);
    expect(server.pushes).toEqual([["b"]]);
    expect(b.engine.status.get()).toMatchObject({ phase: "live", pending: 0, reason: null });
    await time.advance(HOUR);
    expect(a.engine.status.get()).toMatchObject(wrong);
    const write = () => a.engine.accept([insert("theirs")]);
    if (other === null) write();
    else expect(write).toThrow(expect.objectContaining({ code: "IDENTITY_CHANGED" }));
  });

  it("is as any other again once the owner is signed in", async () => {
    const { a, b, inA, time, server } = await openBoth("bob", "ann");
    await time.advance(20 * SECOND);
    inA.to = "ann";
    server.release(); // its subscription runs again
    await time.advance(SECOND);
    expect(a.engine.status.get()).toMatchObject({ phase: "live", reason: null });
    b.browser.kill(b.tab());
    a.engine.accept([insert("a")]);
    await time.advance(SECOND);
    expect(server.pushes).toEqual([["a"]]);
  });

  it("neither fights with another such tab, nor misses that the owner is back", async () => {
    const { a, b, inA, time, server, browser } = await openBoth("bob", null);
    await time.advance(60 * SECOND);
    const [{ handovers }, { fired }] = [browser, time];
    await time.advance(HOUR);
    expect(browser.handovers).toBe(handovers);
    expect(time.fired - fired).toBeLessThan(10);
    for (const { engine } of [a, b]) expect(engine.status.get()).toMatchObject(wrong);
    b.engine.accept([insert("b")]);
    inA.to = "ann"; // in the one that does not lead
    server.release();
    await time.advance(10 * SECOND);
    expect(server.pushes).toEqual([["b"]]);
    expect(a.engine.status.get()).toMatchObject({ phase: "live", reason: null });
  });

  it("listens for the owner until it may not sync at all", async () => {
    const { a, b, time } = await openBoth("bob", "ann");
    await time.advance(20 * SECOND);
    expect(b.server.subscriptions).toBe(2);
    a.engine.suspend({ code: "IDENTITY_CHANGED", message: "Someone else's turn." });
    await time.advance(SECOND);
    expect(b.server.subscriptions).toBe(1);
  });
});

describe("two tabs that both believe they sync", () => {
  async function openBoth() {
    const storage = memoryStorage();
    const time = new VirtualTime();
    const nobody = {
      shown() {},
      stored() {},
      changed() {},
      rejected() {},
      lost() {},
      cleared() {},
    };
    const config = { name: "a", fields, storage, environment: time };
    const open = async () => {
      const data = new LocalData(config, { ...nobody, mustHeal() {}, maySend() {} });
      await data.opened;
      return data;
    };
    const [thawed, next] = [await open(), await open()];
    const write = (kind: "insert" | "update", values: Record<string, string | boolean>) => {
      const operations = kind === "insert" ? inserting(values) : setting(values);
      return thawed.save(thawed.add([{ document: "a", kind, operations }]));
    };
    return { thawed, next, write };
  }
  const refused: Result = { status: "rejected", code: "NO", message: "No." };
  const accepted: Result = { status: "accepted", generation: 1, ts: null };
  const mint = async (data: LocalData) => {
    await data.reload();
    return data.mint(data.replica.pending());
  };
  const settle = (data: LocalData, outgoing: Awaited<ReturnType<typeof mint>>, result: Result) =>
    data.settle(outgoing, [{ document: "a", result }]);

  it("send the same bytes, and settle them once", async () => {
    const { thawed, next, write } = await openBoth();
    await write("insert", { title: "t" });
    const [one, two] = [await mint(thawed), await mint(next)];
    expect(two[0]!.change).toEqual(one[0]!.change);
    await settle(next, two, accepted);
    await settle(thawed, one, accepted);
    await next.reload();
    expect(next.replica.counts().pending).toBe(0);
    expect(next.replica.shown.get("a")).toEqual({ title: "t" });
    expect(await mint(next)).toEqual([]);
  });

  it("do not take a late refusal of several changes for one of each", async () => {
    const { thawed, next, write } = await openBoth();
    await write("insert", { title: "t" });
    await settle(thawed, await mint(thawed), accepted);
    await write("update", { title: "good" });
    await write("update", { done: true });
    const both = await mint(thawed); // and there it froze
    await settle(next, await mint(next), refused); // they are judged one by one
    await settle(next, await mint(next), accepted); // the first
    await settle(thawed, both, refused); // it thaws, and hears of what it had sent
    await next.reload();
    expect(next.replica.counts()).toMatchObject({ pending: 1, rejected: 0 });
    await settle(next, await mint(next), accepted); // the second
    expect(next.replica.counts()).toMatchObject({ pending: 0, rejected: 0 });
  });
});
