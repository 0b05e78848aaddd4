import { ConvexError } from "convex/values";
import { describe, expect, it } from "vitest";
import { ReplicateError } from "../../shared/errors.js";
import type { Held, StreamEntry } from "../../shared/wire.js";
import { HOUR, quiet, SECOND } from "../setup.test.js";
import { fail, one, page, setUp } from "./pull-setup.test.js";
import { recoverAll } from "./recover.js";

const names = (count: number) => Array.from({ length: count }, (_, index) => `d${index}`);

/** Recovers some documents from a server that fails at each call that names one of `bad`. */
async function recover(documents: string[], bad: string[], error: Error = new Error("too much")) {
  const calls: string[][] = [];
  const held = async (some: readonly string[]) =>
    some.map((document) => ({ document, generation: 0, stateVector: new ArrayBuffer(1) }));
  const ask = async (some: Held[]) => {
    const asked = some.map(({ document }) => document);
    calls.push(asked);
    if (asked.some((document) => bad.includes(document))) throw error;
    const update = new ArrayBuffer(2);
    const answers = asked.map((document) => ({ document, generation: 1, live: true, update }));
    return { documents: answers, identity: null };
  };
  const { signal } = new AbortController();
  const { recovered, failed } = await recoverAll(documents, { held, ask }, signal);
  return {
    calls,
    failed: [...failed.keys()],
    recovered: recovered.map(({ document }) => document),
  };
}

describe("a call that fails", () => {
  it("is made again for each of its documents alone, and blames the one that fails again", async () => {
    const { calls, failed, recovered } = await recover(names(40), ["d3"]);
    expect(failed).toEqual(["d3"]);
    const others = names(40).filter((one) => one !== "d3");
    expect(new Set(recovered)).toEqual(new Set(others));
    expect(calls.slice(0, 2).map(({ length }) => length)).toEqual([32, 8]);
    expect(calls.slice(2)).toEqual(names(32).map((document) => [document]));
  });

  it("blames a document that was asked for alone at once", async () => {
    expect(await recover(["a"], ["a"])).toEqual({ calls: [["a"]], failed: ["a"], recovered: [] });
  });

  it("blames those of which the server does not understand what is here", async () => {
    const error = new ConvexError({ code: "INVALID_RECOVER", message: "No state vector." });
    expect((await recover(["a", "b"], ["a"], error)).failed).toEqual(["a"]);
  });

  it.each<[string, Error]>([
    ["there was no answer", new ReplicateError("UNREACHABLE", "late")],
    ["it was for someone else", new ReplicateError("IDENTITY_CHANGED", "Not yours.")],
    ["nobody may read", new ConvexError({ code: "FORBIDDEN", message: "No." })],
  ])("blames no document when %s", async (_why, error) => {
    await expect(recover(["a", "b"], ["a"], error)).rejects.toBe(error);
  });
});

describe("what a page does not carry itself", () => {
  const stub = (index: number) => ({ ...one(index), bytes: null });
  const stubs = (count: number) => Array.from({ length: count }, (_, index) => stub(index));

  async function following() {
    const all = setUp({ loaded: true });
    all.puller.start();
    await quiet();
    const bring = async (...entries: StreamEntry[]) => {
      all.server.open[0]!.onPage(page(entries, "later"));
      await quiet();
    };
    return { ...all, bring };
  }

  it("is asked for, and stored together with the page", async () => {
    const { host, server, bring } = await following();
    await bring(one(1), stub(2), one(3));
    expect(server.calls.recover).toEqual([["d2"]]);
    expect(host.applied).toEqual(["d1", "d2", "d3"]);
    expect([...host.given]).toEqual(["d2"]);
    expect(host.sync.cursor).toBe("later");
  });

  it("is asked for once: the tail goes on after it", async () => {
    const { server, bring } = await following();
    await bring(stub(1));
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["later"]);
    server.open[0]!.onPage(page([one(2)], "still later"));
    await quiet();
    expect(server.calls.recover).toEqual([["d1"]]);
  });

  it("is asked for in a few calls at once, each of some documents, until all of it is here", async () => {
    const { host, server, bring } = await following();
    let [waiting, most] = [0, 0];
    server.onRecover = async () => {
      most = Math.max(most, ++waiting);
      await quiet();
      waiting -= 1;
    };
    server.atOnce = 20; // of the 32 asked for
    await bring(...stubs(200));
    for (let round = 0; round < 5; round++) await quiet();
    expect(host.given.size).toBe(200);
    expect(most).toBe(4);
    expect(server.calls.recover.map((some) => some.length)).toEqual(
      // 4 x 20 documents, then as many of the other 120, then what is left of 40.
      [32, 32, 32, 32, 32, 32, 32, 24, 32, 8, 12],
    );
  });

  it.each([
    ["fails", () => Promise.reject(new Error("down"))],
    ["does not come", () => new Promise<never>(() => undefined)],
  ])(
    "keeps the position where it is while the answer %s, and is asked for again",
    async (_, why) => {
      const { time, host, server, bring } = await following();
      server.onRecover = why;
      await bring(stub(1));
      await time.advance(31 * SECOND);
      expect(host.sync.cursor).toBe("stored");
      expect(host.state.pullReason).not.toBeNull();
      server.onRecover = () => Promise.resolve();
      await time.advance(HOUR); // by then it has subscribed again, where it was
      expect(server.open.map(({ cursor }) => cursor)).toEqual(["stored"]);
      await bring(stub(1));
      expect(host.sync.cursor).toBe("later");
      expect(host.state.pullReason).toBeNull();
    },
  );

  it("waits a while when the server answers about none of it", async () => {
    const { time, host, server, bring } = await following();
    server.atOnce = 0;
    await bring(stub(1));
    expect(host.state.pullReason).toMatchObject({ code: "SERVER_ERROR" });
    await time.advance(HOUR);
    expect(host.sync.cursor).toBe("stored");
  });

  it("is not taken when it was made for someone else", async () => {
    const { host, server, bring } = await following();
    server.recoveredBy = "eve";
    await bring(stub(1));
    expect(host.sync.cursor).toBe("stored");
    expect(host.state.pullReason).toMatchObject({ code: "IDENTITY_CHANGED" });
  });

  it("arrives after a cut, and then is not all that the server has", async () => {
    const { host, server, bring } = await following();
    let answer = () => {};
    server.onRecover = () => new Promise((resolve) => (answer = resolve));
    await bring(stub(1));
    server.setConnected(false);
    server.setConnected(true);
    await quiet(); // the server has answered something since
    answer();
    await quiet();
    expect(host.sync.cursor).toBe("later");
    expect(host.state.caughtUp).toBe(false);
    await bring();
    expect(host.state.caughtUp).toBe(true);
  });

  it("says nothing any more when it arrives after another tail has begun", async () => {
    const { host, server, bring } = await following();
    await bring(one(1));
    const answers: (() => void)[] = [];
    server.onRecover = () => new Promise((resolve) => answers.push(resolve));
    await bring(one(1), stub(2));
    server.setConnected(false);
    server.setConnected(true); // a new tail, from the position before the stub
    await quiet();
    expect(server.open).toHaveLength(1);
    await bring();
    expect(host.state.caughtUp).toBe(true);
    answers[0]!();
    await quiet();
    expect(host.state.caughtUp).toBe(true);
    expect(host.applied).toEqual(["d1"]);
  });

  it("says nothing any more once another tab syncs", async () => {
    const { host, server, puller, bring } = await following();
    let answer = () => {};
    server.onRecover = () => new Promise((resolve) => (answer = resolve));
    await bring(stub(1));
    puller.stop();
    answer();
    await quiet();
    expect(host.applied).toEqual([]);
  });

  it.each([
    ["a page that was asked for as a whole", { loaded: true }],
    ["a page of the first load", { loaded: false }],
  ])("and cannot be recovered either is named, with the reason: in %s", async (_where, options) => {
    const { host, server, puller } = setUp(options);
    server.onRecover = () => fail("Too many bytes read");
    const broken = page([stub(1)], "later");
    for (const cursor of [null, "stored"]) server.pages.set(cursor, broken);
    puller.start();
    await quiet();
    server.open[0]?.onPage(broken);
    await quiet();
    expect(host.applied).toEqual([]);
    expect(host.state.pullReason).toMatchObject({
      code: "SERVER_ERROR",
      message: expect.stringMatching(/left "d1" out of a page .*: Too many bytes read$/) as string,
    });
  });

  it("and cannot be recovered, where by now everything has to be loaded again, says that", async () => {
    const { time, host, server, bring } = await following();
    server.onRecover = () => fail("Too many bytes read");
    const reset = page([], "stored", { done: false, reset: "pruned" });
    server.pages.set("stored", reset);
    await bring(stub(1));
    expect(host.state.pullReason).toMatchObject({
      code: "SERVER_ERROR",
      message: expect.stringContaining("everything has to be loaded again") as string,
    });
    server.onSubscribe = ({ cursor, onPage }) =>
      onPage(cursor === "stored" ? reset : page([], "c"));
    server.pages.set(null, page([one(1)], "c"));
    await time.advance(HOUR);
    expect(host.resets).toEqual([["stored", "pruned"]]);
    expect(host.applied).toEqual(["d1"]);
  });

  it("and cannot be recovered is read from the log as it is, with what follows it", async () => {
    const { host, server, bring } = await following();
    server.onRecover = (documents) =>
      documents.includes("d1") ? fail("Too many bytes read") : Promise.resolve();
    server.pages.set("stored", page([one(1), one(2)], "c2", { done: false }));
    await bring(stub(1), stub(2), one(3));
    expect(server.calls.stream).toEqual(["stored"]);
    expect(host.applied).toEqual(["d1", "d2"]);
    expect(host.sync).toEqual({ cursor: "c2", complete: true, syncedAt: 1 });
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["c2"]);
    expect(host.state).toMatchObject({ caughtUp: false, pullReason: null });
    server.open[0]!.onPage(page([one(3)], "c3"));
    await quiet();
    expect(host.applied).toEqual(["d1", "d2", "d3"]);
    expect(host.state.caughtUp).toBe(true);
  });
});
