import { describe, expect, it } from "vitest";
import { ConvexError } from "convex/values";
import { ReplicateError } from "../../shared/errors.js";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import { HOUR, quiet, SECOND } from "../setup.test.js";
import { fail, one, page, setUp, ScriptedServer, type FakePullHost } from "./pull-setup.test.js";

describe("beginning anew", () => {
  const RESET = page([], null as never, { done: false, progress: 0, reset: "pruned" });

  it("follows from a new load when the server says so of where it was, as one that was away long", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    server.pages.set(null, page([one(1)], "c1", { done: false }));
    server.pages.set("c1", page([one(2)], "c2"));
    server.onSubscribe = ({ cursor, onPage }) =>
      onPage(cursor === "stored" ? RESET : page([], "c2"));
    puller.start();
    await quiet();
    expect(host.resets).toEqual([["stored", "pruned"]]);
    expect([server.calls.stream, host.reloadedShown]).toEqual([[null, "c1"], 3]);
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["c2"]);
    expect(host.state.caughtUp).toBe(true);
  });

  it("does so in the middle of a load, too", async () => {
    const { host, server, puller } = setUp();
    host.sync = { cursor: "c1", complete: false, syncedAt: null };
    server.pages.set("c1", RESET);
    server.pages.set(null, page([one(1)], "c2"));
    puller.start();
    await quiet();
    expect(host.resets).toEqual([["c1", "pruned"]]);
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["c2"]);
  });

  it("goes on from where another tab is meanwhile, if that one is further", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    host.hasMovedOn = true;
    server.onSubscribe = ({ cursor, onPage }) => cursor === "stored" && onPage(RESET);
    puller.start();
    await quiet();
    expect(server.calls.stream).toEqual([]);
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["later"]);
  });

  it("goes on with showing what was loaded, where a page has ended before that was done", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    host.sync.reset = { reason: "pruned", mark: 1, loaded: true, after: "d1" };
    puller.start();
    await quiet();
    expect([server.calls.stream, host.reloadedShown]).toEqual([[], 3]);
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["stored"]);
  });
});

describe("a first load", () => {
  it("takes page after page, with rows, and then follows", async () => {
    const { time, host, server, puller } = setUp();
    server.pages.set(null, page([one(1)], "c1", { done: false, progress: 0.4 }));
    server.pages.set("c1", page([one(2)], "c2"));
    puller.start();
    await quiet();
    expect(server.calls).toEqual({ protocol: 1, stream: [null, "c1"], recover: [] });
    expect(host.applied).toEqual(["d1", "d2"]);
    expect(host.sync).toEqual({ cursor: "c2", complete: true, syncedAt: time.now() });
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["c2"]);
    expect(host.beginnings).toEqual([["d1"], ["d1", "d2"]]);
  });

  it("never tells that it went back, although the log grows while it is read", async () => {
    const { host, server, puller } = setUp();
    const fractions: number[] = [];
    const { report } = host;
    host.report = (state) => {
      if (state.fraction !== undefined) fractions.push(state.fraction);
      report(state);
    };
    server.pages.set(null, page([one(1)], "c1", { done: false, progress: 0.4 }));
    server.pages.set("c1", page([one(2)], "c2", { done: false, progress: 0.2 }));
    server.pages.set("c2", page([one(3)], "c3"));
    puller.start();
    await quiet();
    expect(fractions).toEqual([0.4, 0.4, 1]);
  });

  it("goes on after an interruption from where it was", async () => {
    const { host, server, puller } = setUp();
    host.sync = { cursor: "c1", complete: false, syncedAt: null };
    server.pages.set("c1", page([one(2)], "c2"));
    puller.start();
    await quiet();
    expect(server.calls.stream).toEqual(["c1"]);
  });

  it("is not needed once it was complete, however long ago", async () => {
    const { server, puller } = setUp({ loaded: true });
    puller.start();
    await quiet();
    expect(server.calls.stream).toEqual([]);
    expect(server.open.map(({ cursor }) => cursor)).toEqual(["stored"]);
  });

  it("waits for a connection, and asks nothing before", async () => {
    const { time, server, puller } = setUp({ loaded: true });
    server.connected = false;
    puller.start();
    await time.advance(HOUR);
    expect(server.calls.protocol).toBe(0);
    server.setConnected(true);
    await quiet();
    expect(server.open).toHaveLength(1);
    puller.stop();
    expect(server.connectionListeners.size).toBe(0);
  });
});

describe("stopping", () => {
  it("ends the subscription and every timer, and tells so", async () => {
    const { time, host, server, puller } = setUp({ loaded: true });
    puller.start();
    puller.start(); // twice is once
    await quiet();
    server.open[0]!.onPage(page([], "c"));
    await quiet();
    puller.stop();
    await time.advance(HOUR);
    expect(server.subscriptions).toHaveLength(1);
    expect(server.open).toEqual([]);
    expect(host.state.caughtUp).toBe(false);
    expect(time.waiting).toBe(0);
  });

  it("while the server is being asked what it speaks begins nothing and follows nothing", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    let answer = () => {};
    server.protocolAnswer = () =>
      new Promise((resolve) => {
        answer = () => resolve({ version: PROTOCOL_VERSION, fields: "ours", identity: null });
      });
    puller.start();
    await quiet();
    puller.stop();
    answer();
    await quiet();
    expect(host.beginnings).toEqual([]);
    expect(server.open).toEqual([]);
  });

  it("while it waits for a connection leaves no listener behind", async () => {
    const { server, puller } = setUp();
    server.connected = false;
    puller.start();
    await quiet();
    puller.stop();
    await quiet();
    expect(server.connectionListeners.size).toBe(0);
  });

  it("and starting again follows once", async () => {
    const { server, puller } = setUp({ loaded: true });
    for (let round = 0; round < 3; round++) {
      puller.start();
      puller.stop();
      puller.start();
      await quiet();
    }
    expect(server.open).toHaveLength(1);
  });
});

describe("errors", () => {
  const refusal = new ConvexError({ code: "SIGNED_OUT", message: "Sign in first." });

  it.each<[string, (server: ScriptedServer, host: FakePullHost) => void]>([
    ["the server cannot be asked", (server) => (server.protocolAnswer = () => fail("gone"))],
    ["no answer comes", (server) => (server.protocolAnswer = () => new Promise(() => undefined))],
    [
      "reading is refused",
      (server) => (server.onSubscribe = ({ onError }) => queueMicrotask(() => onError(refusal))),
    ],
    [
      "a result cannot be stored",
      (server, host) => {
        host.failApply = new Error("disk full");
        server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(page([one(1)], "c")));
      },
    ],
  ])("back off, and never give up, while %s", async (_name, breakIt) => {
    const { time, host, server, puller } = setUp({ loaded: true });
    breakIt(server, host);
    puller.start();
    await time.advance(HOUR);
    expect(server.calls.protocol).toBeGreaterThan(20);
    expect(server.calls.protocol).toBeLessThan(300);
    expect(host.state.pullReason).not.toBeNull();
    server.protocolAnswer = new ScriptedServer().protocolAnswer;
    host.failApply = null;
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(page([], "c")));
    await time.advance(120 * SECOND);
    expect(host.state).toMatchObject({ caughtUp: true, pullReason: null });
  });

  it("after a long calm are not punished for old ones", async () => {
    const { time, server, puller } = setUp({ loaded: true });
    const { protocolAnswer } = server;
    server.protocolAnswer = () => fail("gone");
    puller.start();
    await time.advance(HOUR);
    server.protocolAnswer = protocolAnswer;
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(page([], "c")));
    await time.advance(HOUR);
    server.open[0]!.onError(new Error("a hiccup"));
    await time.advance(SECOND);
    expect(server.open).toHaveLength(1);
  });

  it("that a subscription throws at once are reported as what they are, and it is closed", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    server.onSubscribe = ({ onError }) => onError(refusal);
    puller.start();
    await quiet();
    expect(host.state.pullReason).toEqual({
      code: "SIGNED_OUT",
      message: "Sign in first.",
      blocks: true,
    });
    const [first, ...others] = server.subscriptions;
    expect(first!.open).toBe(false);
    expect(others).toHaveLength(1); // waits for the refusal to end
  });

  it("of the disk are not waited out where the owner is back: it is asked again (C5)", async () => {
    const { time, host, server, puller } = setUp({ loaded: true });
    const { identify } = host;
    host.owner = "someone else";
    puller.start();
    await quiet();
    expect(host.state.pullReason).toMatchObject({ code: "IDENTITY_CHANGED" });
    host.owner = null;
    host.identify = async () => {
      host.identify = identify;
      throw new ReplicateError("STORAGE_FAILED", "disk on fire");
    };
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(page([], "c")));
    server.open[0]!.onPage(page([], "c")); // and nothing else is written for hours
    await time.advance(HOUR);
    expect(host.state).toMatchObject({ caughtUp: true, pullReason: null });
    expect(server.open).toHaveLength(1);
  });

  it("of the disk do not make a stranger's page the owner's", async () => {
    const { time, host, server, puller } = setUp({ loaded: true });
    const { identify } = host;
    host.owner = "someone else";
    puller.start();
    await quiet();
    host.identify = async () => {
      host.identify = identify;
      throw new ReplicateError("STORAGE_FAILED", "disk on fire");
    };
    server.open[0]!.onPage(page([], "c"));
    await quiet();
    expect(host.state.pullReason).toMatchObject({ code: "IDENTITY_CHANGED" });
    await time.advance(HOUR);
    expect(host.state.pullReason).toMatchObject({ code: "IDENTITY_CHANGED" });
    expect(server.calls.protocol).toBe(1);
    expect(server.open).toHaveLength(1); // and it still listens
  });

  it("that are refusals are over as soon as the server allows what it refused", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    server.onSubscribe = ({ onError }) => onError(refusal);
    puller.start();
    await quiet();
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(page([], "c")));
    server.open[0]!.onPage(page([], "c"));
    await quiet(); // and no time passes
    expect(host.state).toMatchObject({ caughtUp: true, pullReason: null });
    expect(server.open).toHaveLength(1);
  });
});
