import { describe, expect, it } from "vitest";
import { TAIL_BYTES, TAIL_ENTRIES } from "../../shared/limits.js";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import type { Protocol, StreamEntry, StreamPage } from "../../shared/wire.js";
import { bytesOf, HOUR, inserting, quiet, SECOND } from "../setup.test.js";
import { one, page, setUp } from "./pull-setup.test.js";

describe("the live tail", () => {
  async function following() {
    const all = setUp({ loaded: true });
    all.puller.start();
    await quiet();
    const tail = () => all.server.open[0]!;
    const bring = async (next: StreamPage) => {
      tail().onPage(next);
      await quiet();
    };
    return { ...all, tail, bring };
  }

  it("says when there is nothing new, and stores that once", async () => {
    const { host, bring, time } = await following();
    expect(host.state.caughtUp).toBe(false);
    await bring(page([], "later"));
    expect(host.state).toMatchObject({ caughtUp: true, pullReason: null });
    const stored = { cursor: "later", complete: true, syncedAt: time.now() };
    expect(host.sync).toEqual(stored);
    await time.advance(HOUR);
    await bring(page([], "much later"));
    expect(host.sync).toEqual(stored);
  });

  it("is as old as a cut until the server has answered something after it", async () => {
    const { host, server, bring, time } = await following();
    await bring(page([], "c"));
    await time.advance(HOUR);
    server.setConnected(false);
    expect(host.state.caughtUp).toBe(false);
    let answer = (_protocol: Protocol) => {};
    server.protocolAnswer = () => new Promise((resolve) => (answer = resolve));
    server.setConnected(true);
    await bring(page([], "c")); // from the client's cache
    expect(host.state.caughtUp).toBe(false);
    answer({ version: PROTOCOL_VERSION, fields: "ours", identity: null });
    await quiet();
    expect(host.state.caughtUp).toBe(true);
    expect(host.sync.syncedAt).toBe(time.now());
    expect(server.subscriptions).toHaveLength(1);
  });

  it("is not confirmed by an answer from before another cut", async () => {
    const { host, server, bring } = await following();
    await bring(page([], "c"));
    const answers: (() => void)[] = [];
    server.protocolAnswer = () =>
      new Promise((resolve) => {
        answers.push(() => resolve({ version: PROTOCOL_VERSION, fields: "ours", identity: null }));
      });
    for (const connected of [false, true, false, true]) server.setConnected(connected);
    answers[0]!();
    await quiet();
    expect(host.state.caughtUp).toBe(false);
    answers[1]!();
    await quiet();
    expect(host.state.caughtUp).toBe(true);
  });

  it("finds out on reconnection that the server is another one now", async () => {
    const { host, server, bring } = await following();
    await bring(page([], "c"));
    server.setConnected(false);
    server.protocolAnswer = async () => ({
      version: PROTOCOL_VERSION,
      fields: "theirs",
      identity: null,
    });
    server.setConnected(true);
    await quiet();
    expect(host.state.pullReason).toMatchObject({ code: "FIELDS_MISMATCH" });
    expect(server.open).toEqual([]);
  });

  it("applies each entry of its growing results once", async () => {
    const { host, bring } = await following();
    await bring(page([one(1)], "c1"));
    await bring(page([one(1), one(2), one(3)], "c3"));
    await bring(page([one(1), one(2), one(3)], "c3"));
    expect(host.applied).toEqual(["d1", "d2", "d3"]);
    expect(host.sync.cursor).toBe("c3");
  });

  it("applies a result again in full after compaction has rewritten it", async () => {
    const { host, bring } = await following();
    await bring(page([one(1), one(2)], "c2"));
    await bring(page([one(1), one(9)], "c9"));
    const rewritten = one(9, bytesOf(inserting({ title: "compacted" })));
    await bring(page([one(1), rewritten, one(10)], "c10"));
    expect(host.applied.slice(2)).toEqual(["d1", "d9", "d1", "d9", "d10"]);
  });

  it("takes only the newest of several results that came while it was busy", async () => {
    const { host, tail } = await following();
    tail().onPage(page([one(1)], "c1"));
    tail().onPage(page([one(1), one(2)], "c2"));
    tail().onPage(page([one(1), one(2), one(3)], "c3"));
    await quiet();
    expect(host.applied).toEqual(["d1", "d2", "d3"]);
  });

  it.each<[string, StreamEntry[]]>([
    ["TAIL_ENTRIES", Array.from({ length: TAIL_ENTRIES }, (_, index) => one(index))],
    ["TAIL_BYTES", [one(1, new Uint8Array(TAIL_BYTES))]],
  ])("starts again from a later cursor after %s", async (_name, entries) => {
    const { host, server, bring, tail } = await following();
    await bring(page(entries.slice(0, -1), "before"));
    expect(server.subscriptions).toHaveLength(1);
    await bring(page(entries, "after"));
    expect(server.subscriptions).toHaveLength(2);
    expect(server.open).toEqual([tail()]);
    expect(tail().cursor).toBe("after");
    expect(host.applied).toHaveLength(entries.length);
  });

  it("starts again when a result did not reach the end", async () => {
    const { host, server, bring } = await following();
    await bring(page([one(1)], "c1", { done: false }));
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["c1"]);
    expect(host.state.caughtUp).toBe(false);
    expect(host.sync).toMatchObject({ complete: true, syncedAt: 1 });
  });

  it("keeps its place when it could not be stored", async () => {
    const { time, host, server, bring } = await following();
    host.failApply = new Error("disk full");
    await bring(page([one(1)], "c1"));
    expect(host.sync.cursor).toBe("stored");
    expect(host.state).toMatchObject({ caughtUp: false, pullReason: { message: "disk full" } });
    expect(server.open).toEqual([]);
    host.failApply = null;
    await time.advance(SECOND);
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["stored"]);
  });
});
