import type { ReplicateError } from "../../shared/errors.js";
import type { Held, PushResult, Recovered, ResetReason, StreamEntry } from "../../shared/wire.js";
import { answersTo } from "../store/answers.js";
import type { Identity } from "../../shared/identity.js";
import type { LocalDataConfig, LocalDataListener } from "./local-data-listener.js";
import { newlyRejected, type LocalWrite, type OutboxRecord } from "../store/records.js";
import { rebuildAll } from "./rebuild.js";
import { clearable, unsentChanges, type ClearableConnection } from "../store/clearable.js";
import { openStorage } from "../store/open-storage.js";
import { Replica } from "./replica.js";
import type { Outgoing } from "../store/outgoing.js";
import { ReplicaStore } from "../store/replica-store.js";
import { StorageHealth, type StorageStatus, type StorageTask } from "../storage/health.js";
import { NEVER_SYNCED, type SyncPoint } from "../store/sync-point.js";
import { isMore, type Refetched } from "../store/stored.js";
import { Turns } from "./turns.js";

export type { LocalDataConfig, LocalDataListener };

/** One tab's data, on disk and in memory: both change together, one thing at a time. */
export class LocalData {
  readonly replica: Replica;
  readonly opened: Promise<void>;

  readonly #config: LocalDataConfig;
  readonly #listener: LocalDataListener;
  readonly #health: StorageHealth;
  #connection: ClearableConnection | null = null;
  #hasAskedToPersist = false;
  #newerData: ReplicateError | null = null;
  #sync = NEVER_SYNCED;
  #store: ReplicaStore | null = null;
  readonly #turns: Turns;
  #reloading: Promise<void> | null = null;

  constructor(config: LocalDataConfig, listener: LocalDataListener) {
    this.#config = config;
    this.#listener = listener;
    this.replica = new Replica(config.fields);
    this.#health = new StorageHealth(config.storage.kind);
    this.#turns = new Turns(config.environment, this.#health, {
      changed: () => listener.changed(),
      failed: (error) => this.#onFailure(error),
    });
    this.opened = this.#open();
  }

  get syncPoint(): SyncPoint {
    return this.#sync;
  }

  /** Where data is kept, and how safe it is there. */
  get storage(): StorageStatus {
    return this.#health.status;
  }

  /** Local changes that no disk holds any more, or never did; what other tabs have, too, is named. */
  homeless(): OutboxRecord[] {
    return this.replica.homeless(this.#connection?.identity, this.#newerData !== null);
  }

  /** Adds local changes in memory and shows them; `save` brings them to disk. */
  add(writes: readonly LocalWrite[]): OutboxRecord[] {
    const now = this.#config.environment.now();
    const records = writes.map((write) => this.replica.add(write, now));
    this.#show(new Set(writes.map(({ document }) => document)));
    this.#listener.changed();
    return records;
  }

  /** Takes over, in memory, local changes whose disk was lost; `save` brings them to this one. */
  adopt(records: readonly OutboxRecord[]): OutboxRecord[] {
    const homeless = this.replica.adopt(records);
    this.#show(new Set(homeless.map(({ document }) => document)));
    this.#listener.changed();
    return homeless;
  }

  save(records: readonly OutboxRecord[]): Promise<void> {
    return this.#turn("save", async (store) => {
      const adding = store.addRecords(records);
      this.#listener.stored(); // the page may end before it hears of this; others read after it
      this.#announce(this.replica.saved(records, await adding));
      // Only now there is something of the user's to lose: a browser may ask them about it.
      if (!this.#hasAskedToPersist) void this.#notePersisted({ ask: true });
      this.#hasAskedToPersist = true;
    });
  }

  /**
   * Stores log entries with the position after them, then shows them.
   *
   * @returns the documents that have to be recovered before that can be done; nothing is stored then.
   */
  applyPage(
    entries: readonly StreamEntry[],
    sync: SyncPoint,
    recovered: readonly Recovered[] = [],
  ): Promise<string[]> {
    const { round } = this.#sync; // now, and not when its turn comes: the page belongs to this one
    return this.#turn("write", async (store) => {
      const seen = this.replica.lastSegment;
      const changes = await store.applyPage(entries, { ...sync, round }, seen, recovered);
      if (changes.missing.length > 0) return changes.missing;
      if (changes.sync.round === round) this.#sync = changes.sync;
      this.#announce(this.replica.applyRows(changes));
      if (changes.sync.round !== round || changes.passed.length > 0) await this.#load();
      await this.#compactRows(store);
      return [];
    });
  }

  /** Takes over what the server has of damaged documents; `asked` are those when it was asked. */
  heal(recovered: readonly Recovered[], asked: Refetched): Promise<void> {
    return this.#turn("write", async (store) => {
      const changes = await store.heal(recovered, asked, this.replica.lastSegment);
      this.#announce(this.replica.applyRows(changes));
      await this.#load();
    });
  }

  /** What is here of these documents, for the server to add to. */
  held(documents: readonly string[]): Promise<Held[]> {
    return this.#turn("read", (store) => store.held(documents));
  }

  /**
   * Begins to load everything anew, as the server said of this cursor, unless the position has moved on.
   * What is shown stays, and changes wait, until `swap` has come to the end.
   */
  reset(cursor: string | null, reason: ResetReason): Promise<void> {
    return this.#turn("write", async (store) => {
      await store.reset(cursor, reason);
      await this.#load();
      this.#announce([]);
    });
  }

  /** Shows some of what was loaded anew; `syncPoint.reset` says whether there is more. */
  swap(): Promise<void> {
    return this.#turn("write", async (store) => {
      this.#announce(this.replica.applyRows(await store.swapRows(this.replica.lastSegment)));
      await this.#load();
      await this.#compactRows(store);
    });
  }

  /**
   * Lets who is signed in have this data.
   *
   * @throws {ReplicateError} `IDENTITY_CHANGED` when it is someone else's.
   */
  identify(identity: Identity): Promise<void> {
    return this.#turn("write", (store) => store.identify(identity, this.#config.identity));
  }

  mint(documents: ReadonlyMap<string, number[]>): Promise<Outgoing[]> {
    return this.#turn("write", async (store) => {
      if (this.replica.isLongUnread) await this.#load();
      const outgoing = await store.mint(documents, this.replica.lastRead);
      if (outgoing.length < documents.size) {
        await this.#load();
        this.#announce([]);
      }
      return outgoing;
    });
  }

  settle(outgoing: readonly Outgoing[], results: PushResult): Promise<void> {
    return this.#turn("write", async (store) => {
      const answers = answersTo(outgoing, results, this.replica.pending());
      const settled = await store.settle(answers, this.replica.lastSegment);
      this.#announce(this.replica.applySettled(settled));
      for (const record of settled.changed) if (record.rejected) this.#listener.rejected(record);
      if (settled.damaged.length > 0) await this.#load();
    });
  }

  /** Changes the outbox by the user's own decision; resolves to whether there was anything to change. */
  async decide(decision: (store: ReplicaStore) => Promise<boolean>): Promise<boolean> {
    const decided = this.#turn("write", decision);
    // Looked at after an error, too: it may have taken effect all the same.
    const seen = this.#turns.insist(() => this.#turn("read", () => this.#load()));
    await Promise.all([decided, seen]);
    this.#announce([]);
    return decided;
  }

  /**
   * Deletes everything. Nothing here works any more after that.
   *
   * @throws {ReplicateError} `UNSENT_CHANGES` when that would lose changes, unless forced.
   */
  clear({ force }: { force: boolean }): Promise<void> {
    return this.#turn("write", async () => {
      for (;;) {
        await this.#load(); // what other tabs have stored counts, too
        const { pending, rejected } = this.replica.counts();
        if (!force && pending + rejected > 0) throw unsentChanges(pending, rejected);
        if (await this.#connection!.clear({ force })) break;
      }
      this.#listener.stored(); // others find out as they look
    });
  }

  /** Takes over what other tabs have stored; calls while one is waiting are one call. */
  reload(): Promise<void> {
    this.#reloading ??= this.#turns.insist(() =>
      this.#turn("read", () => {
        this.#reloading = null;
        return this.#load();
      }),
    );
    return this.#reloading;
  }

  /** Waits for what is being stored, and lets go of the storage. */
  async close() {
    this.#turns.stop();
    await this.opened;
    await this.#turns.settled();
    this.#store?.close();
  }

  async #open() {
    const { fields, environment } = this.#config;
    const changed = () => this.#listener.changed();
    this.#connection = clearable(await openStorage(this.#config, this.#health, changed));
    this.#store = new ReplicaStore(this.#connection, fields, environment.random);
    void this.#notePersisted({ ask: false });
    await this.#turns.insist(() => this.#turns.now("read", () => this.#load()));
  }

  async #notePersisted(options: { ask: boolean }) {
    const persisted = await this.#connection?.persisted?.(options);
    if (persisted === undefined) return;
    this.#health.update({ persisted });
    this.#listener.changed();
  }

  #turn<T>(task: StorageTask, work: (store: ReplicaStore) => Promise<T>): Promise<T> {
    return this.#turns.take(task, () => work(this.#store!), this.opened);
  }

  #onFailure(error: ReplicateError) {
    const { code } = error;
    if (code === "DATA_CLEARED") this.#listener.cleared(error);
    if (code === "NEWER_DATA") this.#newerData ??= error;
    if (code === "STORAGE_LOST" || this.#newerData) this.#listener.lost(this.#newerData ?? error);
  }

  async #load() {
    const known = this.replica.records();
    const lost = this.replica.refetched;
    const wasResetting = this.#sync.reset !== undefined;
    const loaded = await this.#store!.load(this.replica.lastSegment);
    this.#sync = loaded.sync;
    this.#show(this.replica.load(loaded));
    for (const record of newlyRejected(known, loaded.records)) this.#listener.rejected(record);
    this.#listener.changed();
    if (wasResetting && !loaded.sync.reset) this.#listener.maySend();
    if (loaded.damaged.length > 0) void this.#turns.insist(() => this.#rebuildRows(loaded.damaged));
    if (isMore(loaded.refetched, lost)) this.#listener.mustRecover();
    if (isMore(lost, loaded.refetched)) this.#listener.maySend();
  }

  #rebuildRows(damaged: readonly number[]): Promise<void> {
    return rebuildAll((after) =>
      this.#turn("write", async (store) => {
        const step = await store.rebuildRows(after, this.replica.lastSegment);
        this.#announce(this.replica.applyRows(step));
        if (step.damaged.length > 0) await this.#load();
        if (step.next === null) await store.moveRows(new Map(), damaged, Infinity);
        return step;
      }),
    );
  }

  /** A bounded step, where it pays, so that no write ever waits for all rows. */
  async #compactRows(store: ReplicaStore) {
    const plan = this.replica.compaction();
    if (plan === null) return;
    const moved = await store.moveRows(plan.rows, plan.segments, this.replica.lastSegment);
    this.#announce(this.replica.applyMoved(moved, plan.segments));
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
