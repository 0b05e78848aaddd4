import { afterEach, describe, expect, it, vi } from "vitest";
import type { RowFields } from "../shared/operations.js";
import { PROTOCOL_VERSION } from "../shared/versions.js";
import type { Change, PushResult, StreamEntry, StreamPage } from "../shared/wire.js";
import { Engine } from "./engine.js";
import type { LocalMutation } from "./local-write.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage } from "./storage/storage.js";
import { fields, HOUR, quiet, SECOND, VirtualTime } from "./setup.test.js";
import type { TabMessage, Tabs } from "./tabs.js";
import type { Transport } from "./transport.js";

/** A server that accepts everything, and what one page sees of it. */
class FakeServer {
  readonly log: StreamEntry[] = [];
  readonly pushes: string[][] = [];
  readonly #watchers = new Set<() => void>();

  page(cursor: string | null): StreamPage {
    const entries = this.log.slice(Number(cursor ?? 0));
    return { entries, cursor: `${this.log.length}`, done: true, progress: 1 };
  }

  push(changes: Change[]): PushResult {
    this.pushes.push(changes.map(({ document }) => document));
    const results = changes.map(({ document, generation, op, parts }) => {
      const bytes = parts[0]?.update ?? new ArrayBuffer(0);
      const kind = op === "remove" ? "tombstone" : "update";
      this.log.push({ document, part: "fields", generation, kind, bytes });
      return { document, result: { status: "accepted", generation, ts: null } as const };
    });
    for (const watcher of this.#watchers) watcher();
    return results;
  }

  watch(watcher: () => void) {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  get subscriptions() {
    return this.#watchers.size;
  }
}

class Network implements Transport {
  connected = true;
  readonly listeners = new Set<() => void>();
  constructor(readonly server: FakeServer) {}

  isConnected = () => this.connected;
  onConnection = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  protocol = async () => ({ version: PROTOCOL_VERSION, fields: fields.hash });
  stream = async ({ cursor }: { cursor: string | null }) => this.server.page(cursor);
  push = async (changes: Change[]) => {
    if (!this.connected) return new Promise<never>(() => undefined);
    return this.server.push(changes);
  };
  subscribe = (cursor: string | null, onPage: (page: StreamPage) => void) => {
    const tell = () => queueMicrotask(() => this.connected && onPage(this.server.page(cursor)));
    tell();
    return this.server.watch(tell);
  };

  setConnected(connected: boolean) {
    this.connected = connected;
    for (const listener of [...this.listeners]) listener();
  }
}

/** The lock and the channel of one browser. */
class Browser {
  readonly open = new Set<object>();
  #queue: { tab: object; lead: () => void }[] = [];
  readonly #hear = new Map<object, (message: TabMessage) => void>();

  tabs = (): Tabs => {
    const tab = {};
    this.open.add(tab);
    const leave = () => {
      const led = this.#queue[0]?.tab === tab;
      this.#queue = this.#queue.filter((one) => one.tab !== tab);
      if (led) this.#grant();
    };
    return {
      lead: (lead) => {
        this.#queue.push({ tab, lead });
        if (this.#queue.length === 1) this.#grant();
        return leave;
      },
      post: (message) => {
        for (const [other, hear] of this.#hear) {
          if (other !== tab) queueMicrotask(() => hear(structuredClone(message)));
        }
      },
      onMessage: (listener) => {
        this.#hear.set(tab, listener);
        return () => void this.#hear.delete(tab);
      },
      close: () => {
        leave();
        this.open.delete(tab);
      },
    };
  };

  #grant() {
    queueMicrotask(() => this.#queue[0]?.lead());
  }
}

/** What a browser keeps in IndexedDB, for all its tabs. */
function disk(): ReplicaStorage {
  return { ...memoryStorage(), kind: "indexeddb" };
}

function setUp({
  server = new FakeServer(),
  storage = disk(),
  browser = new Browser(),
  connected = true,
} = {}) {
  const time = new VirtualTime();
  const network = new Network(server);
  network.connected = connected;
  const engine = new Engine(
    {
      name: "tasks",
      fields,
      transport: network,
      storage,
      tabs: browser.tabs,
      environment: time,
      windowMs: 50,
    },
    "tasks",
  );
  const follow = () => {
    const rows = new Map<string, RowFields>();
    const ready = vi.fn();
    const detach = engine.attach({
      ready,
      shown(changes) {
        for (const { id, row } of changes) {
          if (row) rows.set(id, row);
          else rows.delete(id);
        }
      },
    });
    return { rows, ready, detach };
  };
  return { time, server, network, storage, browser, engine, follow };
}

const insert = (id: string, title = "t"): LocalMutation => ({
  type: "insert",
  key: id,
  original: {},
  modified: { id, title },
});

/** Nothing is left of a page: no timer, listener, subscription, lock or channel. */
function expectNothingLeft({ time, network, server, browser }: ReturnType<typeof setUp>) {
  expect({
    timers: time.waiting,
    listeners: network.listeners.size,
    subscriptions: server.subscriptions,
    tabs: browser.open.size,
  }).toEqual({ timers: 0, listeners: 0, subscriptions: 0, tabs: 0 });
}

afterEach(() => vi.unstubAllGlobals());

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
    const refusing: ReplicaStorage = {
      kind: "indexeddb",
      open: () => Promise.reject(new Error("Not in private mode.")),
    };
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
