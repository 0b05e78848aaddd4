import type { CompiledFields } from "../shared/compiled-fields.js";
import type { Operations } from "../shared/operations.js";
import type { PushResult, StreamEntry } from "../shared/wire.js";
import { ReplicateError } from "../shared/errors.js";
import { sleep, type Environment } from "./environment.js";
import type { OutboxRecord } from "./records.js";
import { Replica, type ShownChange } from "./replica.js";
import { ReplicaStore, type Outgoing, type SyncPoint } from "./replica-store.js";
import { Saver } from "./saver.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage } from "./storage/storage.js";
import { backoffMs } from "./sync/backoff.js";
import { Puller } from "./sync/pull.js";
import { Pusher } from "./sync/push.js";
import { INITIAL_SYNC_STATE, reasonOf, type SyncState } from "./sync/state.js";
import type { TabMessage, Tabs } from "./tabs.js";
import type { Transport } from "./transport.js";

/** Rows are compacted on disk once so many segments, or outdated rows in them, have piled up. */
const MAX_SEGMENTS = 200;
const MAX_OUTDATED_ROWS = 2_000;

export type SessionConfig = {
  name: string;
  fields: CompiledFields;
  transport: Transport;
  storage: ReplicaStorage;
  tabs: () => Tabs;
  environment: Environment;
  /** How long a local change waits for others to go with it, in ms. */
  windowMs: number;
};

export type SessionListener = {
  shown(changes: ShownChange[]): void;
  /** Something that the status is made of may have changed. */
  changed(): void;
  rejected(record: OutboxRecord): void;
};

/**
 * One tab's life with one collection, from opening its storage to closing it. Data flows one way:
 * local changes -> outbox on disk -> push; stream -> base on disk -> rows shown.
 */
export class Session {
  readonly replica: Replica;
  sync: SyncState = INITIAL_SYNC_STATE;
  readonly opened: Promise<void>;
  syncPoint: SyncPoint = { cursor: null, complete: false, syncedAt: null };
  storage: { kind: "indexeddb" | "memory"; error: string | null };

  readonly #config: SessionConfig;
  readonly #listener: SessionListener;
  readonly #tabs: Tabs;
  readonly #saver: Saver;
  readonly #puller: Puller;
  readonly #pusher: Pusher;
  #store: ReplicaStore | null = null;
  #turns: Promise<unknown>;
  #reloading: Promise<void> | null = null;
  #isOpen = false;
  #leads = false;
  readonly #closed = new AbortController();
  #forget: (() => void)[] = [];

  constructor(config: SessionConfig, listener: SessionListener) {
    const { environment, fields, storage, transport, windowMs } = config;
    this.#config = config;
    this.#listener = listener;
    this.#tabs = config.tabs();
    this.storage = { kind: storage.kind, error: null };
    this.replica = new Replica(fields);
    this.#saver = new Saver(environment, this.#saveRecords, this.#reportStorage);
    this.#puller = new Puller(transport, environment, {
      fieldsHash: fields.hash,
      syncPoint: () => this.syncPoint,
      apply: this.#applyPage,
      agreed: () => this.#pusher.start(),
      report: (state) => this.#reportSync(state),
    });
    this.#pusher = new Pusher(
      transport,
      environment,
      {
        pending: () => this.replica.pending(),
        mint: this.#mint,
        settle: this.#settle,
        report: (error) => this.#reportSync({ pushReason: reasonOf(error) }),
      },
      windowMs,
    );
    this.opened = this.#open();
    this.#turns = this.opened;
  }

  /** Records a local change, shows it at once, and brings it to disk and to the server later (C1). */
  write(document: string, kind: OutboxRecord["kind"], operations: Operations) {
    const record = this.replica.add(document, kind, operations);
    this.#show([document]);
    this.#listener.changed();
    void this.#saver.save([record]);
  }

  /** Whether closing would leave nothing unsent. */
  isIdle(): boolean {
    return this.#isOpen && this.replica.records().every((record) => record.rejected !== null);
  }

  /** Resolves once all local changes so far are on disk. */
  durable(): Promise<void> {
    return this.#saver.settled();
  }

  /** Sends what is on disk now. */
  sendNow(): Promise<void> {
    return this.#pusher.sendNow();
  }

  retry(seq: number): Promise<void> {
    return this.#changeOutbox((store) => store.retry(seq));
  }

  discard(seq: number): Promise<void> {
    return this.#changeOutbox((store) => store.discard(seq));
  }

  /** Stops syncing, waits for what is being stored, and lets go of the storage. */
  async close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    for (const forget of this.#forget) forget();
    this.#puller.stop();
    this.#pusher.stop();
    await this.opened;
    if (this.storage.error === null) await this.#saver.settled();
    await this.#turns.catch(() => undefined);
    this.#saver.stop();
    this.#tabs.close();
    this.#store?.close();
  }

  async #open() {
    const { name, storage, fields, environment, transport } = this.#config;
    // Before anything is read: what another tab stores from now on must not be missed.
    this.#forget.push(this.#tabs.onMessage(this.#onMessage));
    let connection;
    try {
      connection = await storage.open(name);
    } catch (error) {
      // A browser may refuse storage, e.g. in private mode: go on in memory, and say so.
      this.storage = { kind: "memory", error: (error as Error).message };
      connection = await memoryStorage().open(name);
    }
    this.#store = new ReplicaStore(connection, fields, environment.random);
    await this.#insist(() => this.#load());
    this.#isOpen = true;
    this.#forget.push(
      transport.onConnection(() => {
        this.#listener.changed();
        if (transport.isConnected()) void this.#pusher.sendNow();
      }),
    );
    this.#tabs.post({ type: "hello" });
    this.#tabs.lead(() => void this.#lead());
  }

  async #lead() {
    await this.#reload();
    if (this.#closed.signal.aborted) return;
    this.#leads = true;
    // The tab that led before may have died between storing something and saying so.
    this.#tabs.post({ type: "changed" });
    this.#puller.start();
  }

  #onMessage = (message: TabMessage) => {
    if (message.type === "state" && !this.#leads) this.#reportSync(message.state);
    if (message.type === "hello" && this.#leads) this.#postState();
    if (message.type !== "changed") return;
    void this.#reload().then(() => this.#leads && this.#pusher.changed());
  };

  #applyPage = (entries: readonly StreamEntry[], sync: SyncPoint) =>
    this.#turn(async (store) => {
      const { rows, segment } = await store.applyPage(entries, sync);
      this.syncPoint = sync;
      this.replica.applyRows(rows, segment);
      this.#announce(rows.keys());
      await this.#compactRows(store);
    });

  #mint = (documents: ReadonlyMap<string, number[]>) =>
    this.#turn(async (store) => {
      const outgoing = await store.mint(documents);
      if (outgoing.length < documents.size) {
        await this.#load();
        this.#announce([]);
      }
      return outgoing;
    });

  #settle = (outgoing: Outgoing[], results: PushResult) =>
    this.#turn(async (store) => {
      const byDocument = new Map(results.map(({ document, result }) => [document, result]));
      const pending = this.replica.pending();
      const answers = outgoing.flatMap((one) => {
        const { document } = one.change;
        const result = byDocument.get(document);
        return result ? [{ outgoing: one, result, seqs: pending.get(document) ?? one.seqs }] : [];
      });
      const settled = await store.settle(answers);
      this.replica.applySettled(settled);
      this.#announce(outgoing.map(({ change }) => change.document));
      for (const record of settled.changed) if (record.rejected) this.#listener.rejected(record);
    });

  #saveRecords = (records: readonly OutboxRecord[]) =>
    this.#turn(async (store) => {
      const seqs = await store.addRecords(records);
      records.forEach((record, index) => (record.seq = seqs[index]!));
      this.#announce([]);
      this.#pusher.changed();
    });

  #changeOutbox(change: (store: ReplicaStore) => Promise<void>): Promise<void> {
    return this.#turn(async (store) => {
      await change(store);
      await this.#load();
      this.#announce([]);
      this.#pusher.changed();
    });
  }

  /** Storage and memory change together, one thing at a time. */
  #turn<T>(work: (store: ReplicaStore) => Promise<T>): Promise<T> {
    const run = this.#turns.then(() => work(this.#store!));
    this.#turns = run.catch(() => undefined);
    return run.catch((cause: unknown) => {
      const message = `Local storage failed: ${(cause as Error).message}`;
      throw new ReplicateError("STORAGE_FAILED", message, { cause });
    });
  }

  /** Does what has to succeed in the end, however often storage fails. */
  async #insist(work: () => Promise<void>): Promise<void> {
    const { environment } = this.#config;
    for (let failures = 0; !this.#closed.signal.aborted; failures++) {
      try {
        await work();
        return this.#reportStorage(null);
      } catch (error) {
        this.#reportStorage(error as Error);
        await sleep(environment, backoffMs(failures, environment), this.#closed.signal);
      }
    }
  }

  /** Takes over what other tabs have stored; calls while one is waiting are one call. */
  #reload(): Promise<void> {
    this.#reloading ??= this.#insist(() =>
      this.#turn(() => {
        this.#reloading = null;
        return this.#load();
      }),
    );
    return this.#reloading;
  }

  async #load() {
    const known = new Map(this.replica.records().map((record) => [record.seq, record]));
    const loaded = await this.#store!.load(this.replica.lastSegment);
    this.syncPoint = loaded.sync;
    this.#show(this.replica.load(loaded));
    for (const record of loaded.records) {
      if (record.rejected && known.get(record.seq)?.rejected === null) {
        this.#listener.rejected(record);
      }
    }
    this.#listener.changed();
  }

  async #compactRows(store: ReplicaStore) {
    const { segments, outdatedRows } = this.replica.segmentLoad;
    if (segments < MAX_SEGMENTS && outdatedRows < MAX_OUTDATED_ROWS) return;
    await store.compactRows();
    this.replica.recount();
    await this.#load();
  }

  /** Shows what this tab has stored, here and in the other tabs. */
  #announce(documents: Iterable<string>) {
    this.#show(documents);
    this.#listener.changed();
    this.#tabs.post({ type: "changed" });
  }

  #show(documents: Iterable<string>) {
    const changes = this.replica.refresh(documents);
    if (changes.length > 0) this.#listener.shown(changes);
  }

  #reportSync(state: Partial<SyncState>) {
    this.sync = { ...this.sync, ...state };
    this.#listener.changed();
    if (this.#leads) this.#postState();
  }

  #postState() {
    this.#tabs.post({ type: "state", state: this.sync });
  }

  #reportStorage = (error: Error | null) => {
    if (this.storage.kind === "indexeddb") this.storage.error = error?.message ?? null;
    this.#listener.changed();
  };
}
