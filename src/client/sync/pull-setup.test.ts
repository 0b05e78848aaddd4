// What the tests of pulling share: a host, a server that answers as it is told, and a puller.

import { expect, it } from "vitest";
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
import { bytesOf, entry, inserting, VirtualTime } from "../setup.test.js";
import type { Transport } from "../platform/transport.js";
import { Puller, type PullHost } from "./pull.js";
import { INITIAL_SYNC_STATE, type SyncState } from "../tabs/sync-state.js";

const BYTES = bytesOf(inserting({ title: "t" }));
export const one = (index: number, bytes: Uint8Array = BYTES) =>
  entry(1, bytes, { document: `d${index}` });
export const page = (entries: StreamEntry[], cursor: string, rest: Partial<StreamPage> = {}) => ({
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

export class FakePullHost implements PullHost {
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
  readonly damagedDocuments = new Map<string, number>();
  /** What was asked for each time that something was healed. */
  readonly healed: (readonly [string, number])[][] = [];
  damaged = () => new Map(this.damagedDocuments);
  heal = async (recovered: readonly Recovered[], asked: ReadonlyMap<string, number>) => {
    await Promise.resolve();
    const documents = recovered.map(({ document }) => document);
    this.healed.push(documents.map((document) => [document, asked.get(document)!] as const));
    for (const document of documents) {
      if (this.damagedDocuments.get(document) === asked.get(document))
        this.damagedDocuments.delete(document);
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
  reloadedShown = 0;
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
  showReloaded = async () => {
    await Promise.resolve();
    const { reset: _, ...rest } = this.sync;
    if (++this.reloadedShown % 3 === 0) this.sync = rest;
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
export class ScriptedServer {
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

export function setUp({ loaded = false } = {}) {
  const time = new VirtualTime();
  const host = new FakePullHost();
  const server = new ScriptedServer();
  if (loaded) host.sync = { cursor: "stored", complete: true, syncedAt: 1 };
  const puller = new Puller(server.transport, time, host);
  return { time, host, server, puller };
}

export const fail = (message: string) => Promise.reject(new Error(message));

it("answers a query by its cursor, and notes what was asked", async () => {
  const { server } = setUp();
  server.pages.set("c", page([one(1)], "d"));
  expect(await server.transport.stream({ cursor: "c" })).toMatchObject({ cursor: "d" });
  expect(server.calls.stream).toEqual(["c"]);
});
