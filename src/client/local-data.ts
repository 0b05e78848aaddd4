import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import type { PushResult, StreamEntry } from "../shared/wire.js";
import { sleep, type Environment } from "./environment.js";
import type { Identity } from "./identity.js";
import type { LocalWrite } from "./local-write.js";
import type { OutboxRecord } from "./records.js";
import { Replica, type ShownChange } from "./replica.js";
import { ReplicaStore, SEGMENT_ROWS, type Outgoing, type SyncPoint } from "./replica-store.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage } from "./storage/storage.js";
import { backoffMs } from "./sync/backoff.js";

/**
 * Rows are compacted on disk once there are so many segments more than it takes, or so many outdated
 * rows in them.
 */
const MAX_SPARE_SEGMENTS = 200;
const MAX_OUTDATED_ROWS = 2_000;

export type LocalDataConfig = {
  name: string;
  fields: CompiledFields;
  storage: ReplicaStorage;
  environment: Environment;
};

export type LocalDataListener = {
  /** Rows look different now. */
  shown(changes: ShownChange[]): void;
  /** Something was stored that other tabs do not know of yet. */
  stored(): void;
  /** Anything else than rows changed, e.g. how many changes are pending. */
  changed(): void;
  rejected(record: OutboxRecord): void;
  /** The disk is empty now, and everything has to start from nothing; memory is as it was. */
  lost(): void;
};

/** One tab's data, on disk and in memory: both change together, one thing at a time. */
export class LocalData {
  readonly replica: Replica;
  readonly opened: Promise<void>;
  syncPoint: SyncPoint = { cursor: null, complete: false, syncedAt: null };
  storage: { kind: "indexeddb" | "memory"; error: string | null };

  readonly #config: LocalDataConfig;
  readonly #listener: LocalDataListener;
  readonly #closed = new AbortController();
  #store: ReplicaStore | null = null;
  #turns: Promise<unknown>;
  #reloading: Promise<void> | null = null;

  constructor(config: LocalDataConfig, listener: LocalDataListener) {
    this.#config = config;
    this.#listener = listener;
    this.replica = new Replica(config.fields);
    this.storage = { kind: config.storage.kind, error: null };
    this.opened = this.#open();
    this.#turns = this.opened;
  }

  /** Adds local changes in memory and shows them; `save` brings them to disk. */
  add(writes: readonly LocalWrite[]): OutboxRecord[] {
    const now = this.#config.environment.now();
    const records = writes.map((write) => this.replica.add(write, now));
    this.#show(new Set(writes.map(({ document }) => document)));
    this.#listener.changed();
    return records;
  }

  /** Takes over local changes whose disk was lost, in the lives of documents that they were made in. */
  adopt(records: readonly OutboxRecord[]): Promise<void> {
    return this.#insist(() =>
      this.#turn(async (store) => {
        await store.addRecords(records);
        await this.#load();
        this.#announce([]);
      }),
    );
  }

  save(records: readonly OutboxRecord[]): Promise<void> {
    return this.#turn(async (store) => {
      const seqs = await store.addRecords(records);
      this.replica.saved(records, seqs);
      this.#announce([]);
    });
  }

  /** Stores log entries with the position after them, then shows them. */
  applyPage(entries: readonly StreamEntry[], sync: SyncPoint): Promise<void> {
    return this.#turn(async (store) => {
      const changes = await store.applyPage(entries, sync, this.replica.lastSegment);
      this.syncPoint = sync;
      this.#announce(this.replica.applyRows(changes));
      await this.#compactRows(store);
    });
  }

  /**
   * Lets who is signed in have this data.
   *
   * @throws {ReplicateError} `IDENTITY_CHANGED` when it is someone else's.
   */
  identify(identity: Identity): Promise<void> {
    return this.#turn((store) => store.identify(identity));
  }

  mint(documents: ReadonlyMap<string, number[]>): Promise<Outgoing[]> {
    return this.#turn(async (store) => {
      const outgoing = await store.mint(documents);
      if (outgoing.length < documents.size) {
        await this.#load();
        this.#announce([]);
      }
      return outgoing;
    });
  }

  settle(outgoing: readonly Outgoing[], results: PushResult): Promise<void> {
    return this.#turn(async (store) => {
      const byDocument = new Map(results.map(({ document, result }) => [document, result]));
      const pending = this.replica.pending();
      const answers = outgoing.flatMap((one) => {
        const { document } = one.change;
        const result = byDocument.get(document);
        return result ? [{ outgoing: one, result, seqs: pending.get(document) ?? one.seqs }] : [];
      });
      const settled = await store.settle(answers, this.replica.lastSegment);
      this.#announce(this.replica.applySettled(settled));
      for (const record of settled.changed) if (record.rejected) this.#listener.rejected(record);
    });
  }

  /** Changes the outbox by the user's own decision; resolves to whether there was anything to change. */
  decide(decision: (store: ReplicaStore) => Promise<boolean>): Promise<boolean> {
    return this.#turn(async (store) => {
      const isDecided = await decision(store);
      await this.#load();
      this.#announce([]);
      return isDecided;
    });
  }

  /** Takes over what other tabs have stored; calls while one is waiting are one call. */
  reload(): Promise<void> {
    this.#reloading ??= this.#insist(() =>
      this.#turn(() => {
        this.#reloading = null;
        return this.#load();
      }),
    );
    return this.#reloading;
  }

  reportStorage = (error: Error | null) => {
    if (this.storage.kind === "indexeddb") this.storage.error = error?.message ?? null;
    this.#listener.changed();
  };

  /** Waits for what is being stored, and lets go of the storage. */
  async close() {
    this.#closed.abort();
    await this.opened;
    await this.#turns;
    this.#store?.close();
  }

  async #open() {
    const { name, storage, fields, environment } = this.#config;
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
  }

  #turn<T>(work: (store: ReplicaStore) => Promise<T>): Promise<T> {
    const run = this.#turns.then(() => work(this.#store!));
    this.#turns = run.catch(() => undefined);
    return run.catch((cause: unknown) => {
      if ((cause as ReplicateError).code === "STORAGE_LOST") {
        this.#listener.lost();
        throw cause;
      }
      if ((cause as ReplicateError).code === "IDENTITY_CHANGED") throw cause;
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
        return this.reportStorage(null);
      } catch (error) {
        this.reportStorage(error as Error);
        await sleep(environment, backoffMs(failures, environment), this.#closed.signal);
      }
    }
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
    const spare = segments - Math.ceil(this.replica.size / SEGMENT_ROWS);
    if (spare < MAX_SPARE_SEGMENTS && outdatedRows < MAX_OUTDATED_ROWS) return;
    await store.compactRows();
    this.replica.recount();
    await this.#load();
  }

  #announce(documents: Iterable<string>) {
    this.#show(documents);
    this.#listener.changed();
    this.#listener.stored();
  }

  #show(documents: Iterable<string>) {
    const changes = this.replica.refresh(documents);
    if (changes.length > 0) this.#listener.shown(changes);
  }
}
