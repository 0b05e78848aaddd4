import { expect, it, vi } from "vitest";
import * as Y from "yjs";
import type { RowFields } from "../shared/operations.js";
import { ReplicateError } from "../shared/errors.js";
import { PROTOCOL_VERSION } from "../shared/versions.js";
import { loadPart } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type {
  Change,
  Held,
  PushResult,
  Recovered,
  Recovery,
  Result,
  StreamEntry,
  StreamPage,
} from "../shared/wire.js";
import { Engine } from "./engine.js";
import type { LocalMutation } from "./local-write.js";
import { CURRENT_DATA } from "./store/migrations.js";
import { FakePage, fields, quiet, SECOND, VirtualTime } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import {
  STORES,
  type OpenOptions,
  type ReplicaStorage,
  type StorageConnection,
} from "./storage/storage.js";
import type { TabMessage, Tabs } from "./tabs/tabs.js";
import type { Transport } from "./platform/transport.js";

/** A server that accepts everything, and what one page sees of it. */
export class FakeServer {
  readonly log: StreamEntry[] = [];
  readonly pushes: string[][] = [];
  /** What is wrong with a change, or null. */
  refuse: (change: Change) => string | null = () => null;
  /** From so many bytes on an entry is sent as a stub to who asks for that. */
  stubBytes = Infinity;
  readonly recoveries: string[][] = [];
  /** Documents at which `recover` fails. */
  readonly unreadable = new Set<string>();
  readonly #watchers = new Set<() => void>();
  #isHeld = false;

  page(cursor: string | null, stubs = false): StreamPage {
    const entries = this.log
      .slice(Number(cursor ?? 0))
      .map((one) =>
        stubs && one.bytes!.byteLength >= this.stubBytes ? { ...one, bytes: null } : one,
      );
    return {
      entries,
      cursor: `${this.log.length}`,
      done: true,
      progress: 1,
      reset: null,
      identity: null,
    };
  }

  recover(documents: Held[]): Recovery {
    this.recoveries.push(documents.map(({ document }) => document));
    if (documents.some(({ document }) => this.unreadable.has(document))) {
      throw new Error("Too many bytes read");
    }
    return { documents: documents.map((held) => this.#recover(held)), identity: null };
  }

  #recover({ document, generation: known, stateVector }: Held): Recovered {
    const own = this.log.filter((one) => one.document === document);
    const generation = Math.max(0, ...own.map((one) => one.generation));
    const live = own.filter((one) => one.generation === generation);
    if (live.length === 0 || live.some(({ kind }) => kind === "tombstone")) {
      return { document, generation, live: false, update: null };
    }
    const doc = loadPart(live.map(({ bytes }) => new Uint8Array(bytes!)));
    const since = known === generation ? new Uint8Array(stateVector) : undefined;
    const update = toArrayBuffer(Y.encodeStateAsUpdate(doc, since));
    return { document, generation, live: true, update };
  }

  push(changes: Change[]): PushResult {
    this.pushes.push(changes.map(({ document }) => document));
    const results = changes.map((change) => ({
      document: change.document,
      result: this.#judge(change),
    }));
    if (!this.#isHeld) for (const watcher of this.#watchers) watcher();
    return results;
  }

  #judge(change: Change): Result {
    const { document, generation, op, parts } = change;
    const message = this.refuse(change);
    if (message !== null) return { status: "rejected", code: "NO", message };
    const bytes = parts[0]?.update ?? new ArrayBuffer(0);
    const kind = op === "remove" ? "tombstone" : "update";
    this.log.push({ document, part: "fields", generation, kind, bytes });
    return { status: "accepted", generation, ts: null };
  }

  watch(watcher: () => void) {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** From now on nobody hears of anything, until `release`. */
  hold() {
    this.#isHeld = true;
  }

  release() {
    this.#isHeld = false;
    for (const watcher of this.#watchers) watcher();
  }

  get subscriptions() {
    return this.#watchers.size;
  }
}

export class Network implements Transport {
  connected = true;
  readonly listeners = new Set<() => void>();
  /** How often anything was asked of it. */
  calls = 0;
  constructor(readonly server: FakeServer) {}

  isConnected = () => this.connected;
  onConnection = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  protocol = async () => ({ version: PROTOCOL_VERSION, fields: fields.hash, identity: null });
  recover = async (documents: Held[]) => this.server.recover(documents);
  stream = async ({ cursor }: { cursor: string | null }) => this.server.page(cursor);
  push = async (changes: Change[]) => {
    this.calls += 1;
    if (!this.connected) return new Promise<never>(() => undefined);
    return this.server.push(changes);
  };
  subscribe = (cursor: string | null, onPage: (page: StreamPage) => void) => {
    const tell = () =>
      queueMicrotask(() => this.connected && onPage(this.server.page(cursor, true)));
    tell();
    return this.server.watch(tell);
  };

  setConnected(connected: boolean) {
    this.connected = connected;
    for (const listener of [...this.listeners]) listener();
  }
}

/** The lock and the channel of one browser, and pages in it that are frozen. */
export class Browser {
  readonly open = new Set<object>();
  readonly frozen = new Set<object>();
  /** How often the turn was given to a tab. */
  handovers = 0;
  #holder: Place | null = null;
  #queue: Place[] = [];
  readonly #hear = new Map<object, (message: TabMessage) => void>();
  readonly #unheard: (() => void)[] = [];

  tabs = (): Tabs => {
    const tab = {};
    this.open.add(tab);
    return {
      lead: (lead, lose, how = "queue") => {
        const place = { tab, lead, lose };
        if (how === "queue") this.#queue.push(place);
        else this.#steal(place);
        this.#grant();
        return () => this.#leave((one) => one === place);
      },
      post: (message) => {
        for (const [other, hear] of this.#hear) {
          if (other === tab || this.frozen.has(tab)) continue;
          this.#run(other, () => hear(structuredClone(message)));
        }
      },
      onMessage: (listener) => {
        this.#hear.set(tab, listener);
        return () => void this.#hear.delete(tab);
      },
      close: () => {
        this.#leave((one) => one.tab === tab);
        this.open.delete(tab);
      },
    };
  };

  get leader(): object | null {
    return this.#holder?.tab ?? null;
  }

  /** Nothing reaches the leading tab any more, until it thaws. */
  freezeLeader(): object {
    const { tab } = this.#holder!;
    this.frozen.add(tab);
    return tab;
  }

  /** Its page is gone, without another word. */
  kill(tab: object) {
    this.frozen.add(tab);
    this.#hear.delete(tab);
    this.#leave((place) => place.tab === tab);
  }

  thaw(tab: object) {
    this.frozen.delete(tab);
    for (const run of this.#unheard.splice(0)) run();
  }

  #steal(place: Place) {
    const { tab, lose } = this.#holder ?? place;
    if (this.#holder) this.#run(tab, lose);
    this.#holder = null;
    this.#queue.unshift(place);
  }

  #leave(which: (place: Place) => boolean) {
    this.#queue = this.#queue.filter((place) => !which(place));
    if (this.#holder && which(this.#holder)) this.#holder = null;
    this.#grant();
  }

  #grant() {
    if (this.#holder || this.#queue.length === 0) return;
    const place = (this.#holder = this.#queue.shift()!);
    this.handovers += 1;
    this.#run(place.tab, () => this.#holder === place && place.lead());
  }

  #run(tab: object, run: () => void) {
    queueMicrotask(() => {
      if (this.frozen.has(tab)) this.#unheard.push(() => this.#run(tab, run));
      else run();
    });
  }
}

type Place = { tab: object; lead: () => void; lose: () => void };

/** What a browser keeps in IndexedDB, for all its tabs; it can fail, and be deleted. */
export class FakeDisk implements ReplicaStorage {
  readonly kind = "indexeddb";
  /** What every write fails with. */
  fail: Error | null = null;
  /** Whether it takes no new changes; what is there can be deleted. */
  isFull = false;
  #storage = memoryStorage();
  #age = 0;

  open = async (name: string, options?: OpenOptions): Promise<StorageConnection> => {
    const age = this.#age;
    const connection = await this.#storage.open(name, options);
    return {
      storeId: `disk ${age}`,
      close: () => connection.close(),
      transaction: async (mode, stores, body) => {
        if (age !== this.#age) throw new ReplicateError("STORAGE_LOST", "Deleted.");
        if (this.fail && mode !== "read") throw this.fail;
        const isDeletion = STORES.every((store) => stores.includes(store));
        if (this.isFull && mode === "durable" && !isDeletion) throw new Error("disk full");
        return connection.transaction(mode, stores, body);
      },
    };
  };

  /** The stored base of a document is not what was written any more. */
  async damage(document: string) {
    const connection = await this.#storage.open("tasks", CURRENT_DATA);
    await connection.transaction("write", ["documents"], (tx) => tx.put("documents", document, 0));
  }

  lose() {
    this.#age += 1;
    this.#storage = memoryStorage();
  }
}

export function setUp({
  server = new FakeServer(),
  disk = new FakeDisk(),
  storage = disk as ReplicaStorage,
  browser = new Browser(),
  connected = true,
  time = new VirtualTime(),
} = {}) {
  const network = new Network(server);
  network.connected = connected;
  const page = new FakePage();
  const opened: object[] = [];
  const tabs = () => {
    const before = new Set(browser.open);
    const own = browser.tabs();
    opened.push([...browser.open].find((tab) => !before.has(tab))!);
    return own;
  };
  const engine = new Engine({
    name: "tasks",
    fields,
    transport: network,
    storage,
    tabs,
    page,
    environment: time,
    coalesceMs: 50,
  });
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
  return {
    time,
    server,
    network,
    disk,
    storage,
    browser,
    page,
    engine,
    follow,
    tab: () => opened.at(-1)!,
  };
}

export const insert = (id: string, title = "t"): LocalMutation => ({
  type: "insert",
  key: id,
  original: {},
  modified: { id, title },
});

/** An edit of what `insert` made. */
export const retitle = (id: string, title: string): LocalMutation => ({
  type: "update",
  key: id,
  original: { id, title: "t" },
  modified: { id, title },
});

/** Someone else signs in, a change is made, and then nobody shows the collection any more. */
export async function leaveSuspended({ engine, time, follow }: ReturnType<typeof setUp>) {
  const { detach } = follow();
  await time.advance(SECOND);
  engine.suspend({ code: "IDENTITY_CHANGED", message: "Someone else." });
  engine.accept([insert("a")]);
  detach();
}

/** What has become of a promise so far. */
export function watch(promise: Promise<void>) {
  const seen = { outcome: "waits" as "waits" | "done" | Error };
  promise.then(
    () => (seen.outcome = "done"),
    (error: Error) => (seen.outcome = error),
  );
  return seen;
}

/** Nothing is left of a page: no timer, listener, subscription, lock or channel. */
export function expectNothingLeft({
  time,
  network,
  server,
  browser,
  page,
}: ReturnType<typeof setUp>) {
  expect({
    timers: time.waiting,
    listeners: network.listeners.size,
    subscriptions: server.subscriptions,
    tabs: browser.open.size,
    watchers: page.watchers.size,
  }).toEqual({ timers: 0, listeners: 0, subscriptions: 0, tabs: 0, watchers: 0 });
}

it("two pages share a server", async () => {
  const [a, b] = [setUp(), setUp()];
  expect(a.server).not.toBe(b.server);
  const c = setUp({ server: a.server });
  const [one, other] = [a.follow(), c.follow()];
  a.engine.accept([insert("x")]);
  await a.time.advance(SECOND);
  await c.time.advance(SECOND);
  expect([one.rows.size, other.rows.size]).toEqual([1, 1]);
  for (const { detach } of [one, other]) detach();
  await quiet();
  expectNothingLeft(a);
  expectNothingLeft(c);
});
