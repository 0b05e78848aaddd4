import { describe, expect, it } from "vitest";
import { ConvexError } from "convex/values";
import { ReplicateError } from "../../shared/errors.js";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import type {
  Protocol,
  Recovered,
  ResetReason,
  StreamEntry,
  StreamPage,
} from "../../shared/wire.js";
import type { SyncPoint } from "../store/sync-point.js";
import { bytesOf, entry, HOUR, inserting, quiet, SECOND, VirtualTime } from "../setup.test.js";
import type { Transport } from "../platform/transport.js";
import { Puller, type PullHost } from "./pull.js";
import { INITIAL_SYNC_STATE, type SyncState } from "../tabs/sync-state.js";

const BYTES = bytesOf(inserting({ title: "t" }));
const one = (index: number, bytes: Uint8Array = BYTES) =>
  entry(1, bytes, { document: `d${index}` });
const page = (entries: StreamEntry[], cursor: string, rest: Partial<StreamPage> = {}) => ({
  entries,
  cursor,
  done: true,
  progress: 1,
  reset: null,
  identity: null,
  ...rest,
});

type Subscription = {
  cursor: string | null;
  open: boolean;
  onPage: (page: StreamPage) => void;
  onError: (error: Error) => void;
};

class FakeHost implements PullHost {
  readonly fieldsHash = "ours";
  sync: SyncPoint = { cursor: null, complete: false, syncedAt: null };
  state: SyncState = INITIAL_SYNC_STATE;
  readonly applied: string[] = [];
  /** What had been applied each time that it was told that sending may begin. */
  readonly beginnings: string[][] = [];
  owner: string | null = null;
  failApply: Error | null = null;
  readonly given = new Set<string>();
  /** Documents that are damaged, each with its number. */
  readonly damaged = new Map<string, number>();
  /** What was asked for each time that something was healed. */
  readonly healed: (readonly [string, number])[][] = [];
  lost = () => new Map(this.damaged);
  heal = async (recovered: readonly Recovered[], asked: ReadonlyMap<string, number>) => {
    await Promise.resolve();
    const documents = recovered.map(({ document }) => document);
    this.healed.push(documents.map((document) => [document, asked.get(document)!] as const));
    for (const document of documents) {
      if (this.damaged.get(document) === asked.get(document)) this.damaged.delete(document);
    }
  };
  held = async (documents: readonly string[]) =>
    documents.map((document) => ({ document, generation: 0, stateVector: new ArrayBuffer(1) }));

  syncPoint = () => this.sync;
  begun = () => void this.beginnings.push([...this.applied]);
  identify = async (identity: string | null) => {
    if (identity !== this.owner) throw new ReplicateError("IDENTITY_CHANGED", "Not yours.");
  };
  resets: [string | null, string][] = [];
  swaps = 0;
  /** Another tab has gone on from where this one is. */
  hasMovedOn = false;

  reset = async (cursor: string | null, reason: ResetReason) => {
    await Promise.resolve();
    this.resets.push([cursor, reason]);
    const reset = { reason, mark: 1, loaded: false, after: null };
    this.sync = this.hasMovedOn
      ? { ...this.sync, cursor: "later" }
      : { ...this.sync, cursor: null, reset };
  };
  swap = async () => {
    await Promise.resolve();
    const { reset: _, ...rest } = this.sync;
    if (++this.swaps % 3 === 0) this.sync = rest;
  };
  report = (state: Partial<SyncState>) => void (this.state = { ...this.state, ...state });
  apply = async (
    entries: readonly StreamEntry[],
    sync: SyncPoint,
    recovered: readonly Recovered[],
  ) => {
    await Promise.resolve();
    if (this.failApply) throw this.failApply;
    const given = new Set(recovered.map(({ document }) => document));
    const missing = entries
      .filter(({ bytes }) => bytes === null)
      .map(({ document }) => document)
      .filter((document) => !given.has(document));
    if (missing.length > 0) return missing;
    this.applied.push(...entries.map(({ document }) => document));
    const { reset } = this.sync;
    this.sync = reset ? { ...sync, reset: { ...reset, loaded: sync.complete } } : sync;
    for (const document of given) this.given.add(document);
    return [];
  };
}

/** A server as the puller sees it; `pages` are what one-shot queries answer, by cursor. */
class FakeServer {
  connected = true;
  protocolAnswer = async (): Promise<Protocol> => ({
    version: PROTOCOL_VERSION,
    fields: "ours",
    identity: null,
  });
  pages = new Map<string | null, StreamPage>();
  readonly calls = {
    protocol: 0,
    stream: [] as (string | null)[],
    recover: [] as string[][],
  };
  /** How many documents of those that it is asked for it recovers at once. */
  atOnce = Infinity;
  recoveredBy: string | null = null;
  onRecover: (documents: string[]) => Promise<void> = () => Promise.resolve();
  readonly subscriptions: Subscription[] = [];
  onSubscribe: (subscription: Subscription) => void = () => undefined;
  readonly connectionListeners = new Set<() => void>();

  setConnected(connected: boolean) {
    this.connected = connected;
    for (const listener of [...this.connectionListeners]) listener();
  }

  get open() {
    return this.subscriptions.filter(({ open }) => open);
  }

  readonly transport: Transport = {
    isConnected: () => this.connected,
    onConnection: (listener) => {
      this.connectionListeners.add(listener);
      return () => void this.connectionListeners.delete(listener);
    },
    protocol: () => {
      this.calls.protocol += 1;
      return this.protocolAnswer();
    },
    stream: async ({ cursor }) => {
      this.calls.stream.push(cursor);
      return this.pages.get(cursor)!;
    },
    recover: async (held) => {
      this.calls.recover.push(held.map(({ document }) => document));
      await this.onRecover(held.map(({ document }) => document));
      const documents = held.slice(0, this.atOnce).map(({ document }) => ({
        document,
        generation: 1,
        live: true,
        update: new ArrayBuffer(2),
      }));
      return { documents, identity: this.recoveredBy };
    },
    subscribe: (cursor, onPage, onError) => {
      const subscription = { cursor, onPage, onError, open: true };
      this.subscriptions.push(subscription);
      this.onSubscribe(subscription);
      return () => void (subscription.open = false);
    },
    push: () => Promise.reject(new Error("a puller never pushes")),
  };
}

function setUp({ loaded = false } = {}) {
  const time = new VirtualTime();
  const host = new FakeHost();
  const server = new FakeServer();
  if (loaded) host.sync = { cursor: "stored", complete: true, syncedAt: 1 };
  const puller = new Puller(server.transport, time, host);
  return { time, host, server, puller };
}

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
    expect([server.calls.stream, host.swaps]).toEqual([[null, "c1"], 3]);
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
    expect([server.calls.stream, host.swaps]).toEqual([[], 3]);
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
    ["32 entries", Array.from({ length: 32 }, (_, index) => one(index))],
    ["32 KiB", [one(1, new Uint8Array(32 * 1024))]],
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

describe("set-ups that cannot sync", () => {
  it.each<[string, Protocol, string, RegExp]>([
    [
      "an older server",
      { version: 0, fields: "ours", identity: null },
      "PROTOCOL_MISMATCH",
      /on the server/,
    ],
    [
      "an older client",
      { version: 9, fields: "ours", identity: null },
      "PROTOCOL_MISMATCH",
      /on the client/,
    ],
    [
      "other fields",
      { version: PROTOCOL_VERSION, fields: "theirs", identity: null },
      "FIELDS_MISMATCH",
      /theirs.*ours/,
    ],
  ])("are reported, and nothing else is asked: %s", async (_name, answer, code, message) => {
    const { time, host, server, puller } = setUp();
    server.protocolAnswer = async () => answer;
    puller.start();
    await quiet();
    expect(host.state.pullReason).toEqual({
      code,
      message: expect.stringMatching(message),
      blocks: true,
    });
    expect([host.beginnings, server.calls.stream, server.subscriptions]).toEqual([[], [], []]);
    server.protocolAnswer = async () => ({
      version: PROTOCOL_VERSION,
      fields: "ours",
      identity: null,
    });
    server.pages.set(null, page([], "c0"));
    await time.advance(60 * SECOND);
    expect(host.state.pullReason).toBeNull();
    expect(host.beginnings).toHaveLength(1);
  });
});

describe("a server that is at fault", () => {
  const RESET = page([], null as never, { done: false, reset: "pruned" });
  const tail = (next: StreamPage) => (server: FakeServer) => {
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(next));
  };
  const load = (next: unknown) => (server: FakeServer) => {
    server.pages.get = () => next as StreamPage;
  };

  it.each<[string, (server: FakeServer) => void, "load" | "tail"]>([
    ["never ends a load", load(page([], "c", { done: false })), "load"],
    ["brings the same page for ever", load(page([one(1)], null as never, { done: false })), "load"],
    ["resets a load for ever", load(RESET), "load"],
    ["sends no entries", load({ ...page([], "c"), entries: null }), "load"],
    ["sends entries that are none", load(page([{ ...one(1), bytes: 7 as never }], "c")), "load"],
    ["sends a row that is null", load(page([{ ...one(1), row: null }], "c")), "load"],
    ["sends a row that is a text", load(page([{ ...one(1), row: "x" }], "c")), "load"],
    ["sends a row that is a list", load(page([{ ...one(1), row: [] }], "c")), "load"],
    ["sends a generation of ages to come", load(page([entry(2 ** 40, BYTES)], "c")), "load"],
    ["sends nothing", load(null), "load"],
    ["resets for ever", tail(RESET), "tail"],
    ["never ends a tail", tail(page([], "stored", { done: false })), "tail"],
    ["stays where it is", tail(page([one(1)], "stored")), "tail"],
  ])("and %s is asked with a pause, which says so", async (_name, breakIt, where) => {
    const { time, host, server, puller } = setUp({ loaded: where === "tail" });
    server.pages.set(null, page([one(1)], "stored"));
    breakIt(server);
    const reasons = new Set<string | undefined>();
    const { report } = host;
    host.report = (state) => {
      reasons.add(state.pullReason?.code);
      report(state);
    };
    puller.start();
    await time.advance(HOUR, 2_000);
    const asked = server.calls.stream.length + server.subscriptions.length;
    expect(asked).toBeGreaterThan(20);
    expect(asked).toBeLessThan(1_000);
    expect(reasons).toContain("SERVER_ERROR");
    expect(host.state.caughtUp).toBe(false);
  });

  it("and recovers something that is none is told so", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    server.transport.recover = async () => ({ documents: null as never, identity: null });
    tail(page([{ ...one(1), bytes: null }], "c"))(server);
    puller.start();
    await quiet();
    expect(host.state.pullReason).toMatchObject({ code: "SERVER_ERROR" });
    expect(host.applied).toEqual([]);
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

  it.each<[string, (server: FakeServer, host: FakeHost) => void]>([
    ["the server cannot be asked", (server) => (server.protocolAnswer = () => reject("gone"))],
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
    server.protocolAnswer = new FakeServer().protocolAnswer;
    host.failApply = null;
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(page([], "c")));
    await time.advance(120 * SECOND);
    expect(host.state).toMatchObject({ caughtUp: true, pullReason: null });
  });

  it("after a long calm are not punished for old ones", async () => {
    const { time, server, puller } = setUp({ loaded: true });
    const { protocolAnswer } = server;
    server.protocolAnswer = () => reject("gone");
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
    expect(server.open).toEqual([]);
  });
});

const reject = (message: string) => Promise.reject(new Error(message));

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

  it("and cannot be recovered is read from the log as it is, with what follows it", async () => {
    const { host, server, bring } = await following();
    server.onRecover = (documents) =>
      documents.includes("d1") ? reject("Too many bytes read") : Promise.resolve();
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

describe("documents that were damaged", () => {
  function damaged(count: number) {
    const all = setUp({ loaded: true });
    for (let index = 0; index < count; index++) all.host.damaged.set(`d${index}`, index);
    return all;
  }

  it("are recovered beside everything else, and the position stays", async () => {
    const { host, server, puller } = damaged(130);
    server.onRecover = () => new Promise(() => undefined);
    puller.start();
    await quiet();
    server.open[0]!.onPage(page([], "c"));
    await quiet();
    expect(host.state.caughtUp).toBe(true);
    puller.stop();
    server.onRecover = () => Promise.resolve();
    puller.start();
    await quiet();
    await quiet();
    expect(host.damaged.size).toBe(0);
    expect(host.healed.map(({ length }) => length)).toEqual([100, 30]);
    expect(host.healed.flat().every(([document, number]) => document === `d${number}`)).toBe(true);
    expect(host.sync.cursor).toBe("c");
    expect(host.state.healReason).toBeNull();
  });

  it("hold up nothing while the server cannot say what one of them is, and say why", async () => {
    const { time, host, server, puller } = damaged(3);
    server.onRecover = (documents) =>
      documents.includes("d1") ? reject("Too many bytes read") : Promise.resolve();
    puller.start();
    await time.advance(HOUR);
    expect([...host.damaged.keys()]).toEqual(["d1"]);
    expect(server.open).toHaveLength(1);
    expect(host.state.pullReason).toBeNull();
    expect(host.state.healReason).toMatchObject({
      code: "SERVER_ERROR",
      message: expect.stringMatching(/d1.*Too many bytes read/),
      blocks: false,
    });
    expect(server.calls.recover.length).toBeGreaterThan(20);
    expect(server.calls.recover.length).toBeLessThan(400);
    server.onRecover = () => Promise.resolve();
    await time.advance(60 * SECOND);
    expect([host.damaged.size, host.state.healReason]).toEqual([0, null]);
    expect(server.subscriptions).toHaveLength(1);
  });

  it("are asked for once more when another page has gone by meanwhile", async () => {
    const { host, server, puller, time } = damaged(1);
    server.onRecover = async () => void host.damaged.set("d0", 7);
    puller.start();
    await time.advance(SECOND);
    expect(host.healed).toEqual([[["d0", 0]], [["d0", 7]]]);
    expect(host.damaged.size).toBe(0);
  });

  it("are looked after when they are found later, and by nobody who does not sync", async () => {
    const { host, server, puller } = damaged(0);
    puller.start();
    await quiet();
    host.damaged.set("d9", 9);
    puller.heal();
    await quiet();
    expect(server.calls.recover).toEqual([["d9"]]);
    puller.stop();
    host.damaged.set("d8", 8);
    puller.heal();
    await quiet();
    expect(server.calls.recover).toHaveLength(1);
  });
});
