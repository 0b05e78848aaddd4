import type { ReplicateError } from "../../shared/errors.js";
import type { Held, PushResult, Recovered, ResetReason, StreamEntry } from "../../shared/wire.js";
import { answersTo } from "../store/answers.js";
import type { Identity } from "../../shared/identity.js";
import type { LocalDataConfig, LocalDataListener } from "./local-data-listener.js";
import { newlyRejected, type LocalWrite, type OutboxRecord } from "../store/records.js";
import { clearable, type ClearableConnection } from "../store/clearable.js";
import { openStorage } from "../store/open-storage.js";
import { Replica } from "./replica.js";
import { RowMaintenance } from "./row-maintenance.js";
import type { Outgoing } from "../store/outgoing.js";
import { ReplicaStore } from "../store/replica-store.js";
import { StorageHealth, type StorageStatus, type StorageTask } from "../storage/health.js";
import { NEVER_SYNCED, type SyncPoint } from "../store/sync-point.js";
import { isMore, type DamagedDocuments } from "../store/repair.js";
import type { RowChanges } from "../store/rows.js";
import { StorageQueue } from "./storage-queue.js";
import { checkNothingUnsent } from "./unsent-changes.js";

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
  #point = NEVER_SYNCED;
  #store: ReplicaStore | null = null;
  readonly #queue: StorageQueue;
  readonly #rows: RowMaintenance;
  #reloading: Promise<void> | null = null;

  constructor(config: LocalDataConfig, listener: LocalDataListener) {
    this.#config = config;
    this.#listener = listener;
    this.replica = new Replica(config.fields, config.former);
    this.#health = new StorageHealth(config.storage.kind);
    this.#queue = new StorageQueue(config.environment, this.#health, {
      changed: () => listener.changed(),
      failed: (error) => this.#onFailure(error),
    });
    this.#rows = new RowMaintenance({
      replica: this.replica,
      enqueue: (work) => this.#enqueue("write", work),
      announce: (documents) => this.#announce(documents),
      load: () => this.#loadInTheEnd(),
      retryUntilDone: (work) => this.#queue.retryUntilDone(work),
    });
    this.opened = this.#open();
  }

  get syncPoint(): SyncPoint {
    return this.#point;
  }

  /** Where data is kept, and how safe it is there. */
  get storage(): StorageStatus {
    return this.#health.status;
  }

  /** Local changes on no disk; those that other tabs may have as well get an idempotency key. */
  orphaned(): OutboxRecord[] {
    return this.replica.orphaned(this.#connection?.storeId, this.#newerData !== null);
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
    const orphaned = this.replica.adopt(records);
    this.#show(new Set(orphaned.map(({ document }) => document)));
    this.#listener.changed();
    return orphaned;
  }

  save(records: readonly OutboxRecord[]): Promise<void> {
    return this.#enqueue("save", async (store) => {
      const adding = store.addRecords(records);
      this.#listener.stored(); // the page may end before the write is confirmed; other tabs read after it
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
    point: SyncPoint,
    recovered: readonly Recovered[],
  ): Promise<string[]> {
    const { round } = this.#point; // now, and not when its turn comes: the page belongs to this one
    return this.#enqueue("write", async (store) => {
      const { lastSegment } = this.replica;
      const changes = await store.applyPage(entries, { ...point, round }, lastSegment, recovered);
      if (changes.missing.length > 0) return changes.missing;
      if (changes.point.round === round) this.#point = changes.point;
      this.#applied(changes, [...this.replica.applyRows(changes), ...this.#superseded()]);
      if (changes.point.round !== round || changes.damaged.length > 0) await this.#loadInTheEnd();
      await this.#rows.compact(store);
      return [];
    });
  }

  /** Takes over what the server has of damaged documents; `asked` are those when it was asked. */
  heal(recovered: readonly Recovered[], asked: DamagedDocuments): Promise<void> {
    return this.#enqueue("write", async (store) => {
      const changes = await store.heal(recovered, asked, this.replica.lastSegment);
      this.#applied(changes);
      await this.#load();
    });
  }

  /** What this device has of these documents, for the server to add to. */
  held(documents: readonly string[]): Promise<Held[]> {
    return this.#enqueue("read", (store) => store.held(documents));
  }

  /**
   * Begins to load everything again, as the server asked at this cursor, unless the position has moved on.
   * What is shown stays, and changes wait, until `showReloaded` has come to the end.
   */
  reset(cursor: string | null, reason: ResetReason): Promise<void> {
    return this.#enqueue("write", async (store) => {
      await store.reset(cursor, reason);
      await this.#load();
      this.#announce([]);
    });
  }

  /** Shows some of what was loaded again; there is more while `syncPoint.reset` is set. */
  showReloaded(): Promise<void> {
    return this.#enqueue("write", async (store) => {
      this.#applied(await store.showReloadedRows(this.replica.lastSegment));
      await this.#load();
      await this.#rows.compact(store);
    });
  }

  /**
   * Lets who is signed in have this data.
   *
   * @throws {ReplicateError} `IDENTITY_CHANGED` when it is someone else's.
   */
  identify(identity: Identity): Promise<void> {
    return this.#enqueue("write", (store) => store.identify(identity, this.#config.identity));
  }

  mint(documents: ReadonlyMap<string, number[]>): Promise<Outgoing[]> {
    return this.#enqueue("write", async (store) => {
      if (this.replica.isLongUnread) await this.#load();
      const outgoing = await store.mint(documents, this.replica.lastRead);
      if (outgoing.length === documents.size) return outgoing;
      await this.#load();
      this.#announce([]);
      return outgoing;
    });
  }

  settle(outgoing: readonly Outgoing[], results: PushResult): Promise<void> {
    return this.#enqueue("write", async (store) => {
      const answers = answersTo(outgoing, results, this.replica.pending());
      const settled = await store.settle(answers, this.replica.lastSegment);
      this.#applied(settled, this.replica.applySettled(settled));
      for (const record of settled.changed) if (record.rejected) this.#listener.rejected(record);
      if (settled.damaged.length > 0) await this.#loadInTheEnd();
    });
  }

  /** Changes the outbox by the user's own decision; resolves to whether there was anything to change. */
  async decide(decision: (store: ReplicaStore) => Promise<boolean>): Promise<boolean> {
    const decided = this.#enqueue("write", decision);
    // Looked at after an error, too: it may have taken effect all the same.
    const reloaded = this.#queue.retryUntilDone(() => this.#enqueue("read", () => this.#load()));
    await Promise.all([decided, reloaded]);
    this.#announce([]);
    return decided;
  }

  /**
   * Deletes everything. Nothing here works any more after that.
   *
   * @throws {ReplicateError} `UNSENT_CHANGES` when that would lose changes, unless forced.
   */
  clear({ force }: { force: boolean }): Promise<void> {
    return this.#enqueue("write", async () => {
      for (;;) {
        await this.#load(); // what other tabs have stored counts, too
        if (!force) checkNothingUnsent(this.replica.counts());
        if (await this.#connection!.clear({ force })) break;
      }
      this.#listener.stored(); // others find out as they look
    });
  }

  /** Takes over what other tabs have stored; calls while one is waiting are one call. */
  reload(): Promise<void> {
    this.#reloading ??= this.#queue.retryUntilDone(() =>
      this.#enqueue("read", () => {
        this.#reloading = null;
        return this.#load();
      }),
    );
    return this.#reloading;
  }

  /** Waits for what is being stored, and lets go of the storage. */
  async close() {
    this.#queue.stop();
    await this.opened;
    await this.#queue.settled();
    this.#store?.close();
  }

  async #open() {
    const { fields, environment } = this.#config;
    const changed = () => this.#listener.changed();
    this.#connection = clearable(await openStorage(this.#config, this.#health, changed));
    this.#store = new ReplicaStore(this.#connection, fields, environment.random);
    void this.#notePersisted({ ask: false });
    await this.#queue.retryUntilDone(() => this.#queue.now("read", () => this.#load()));
  }

  async #notePersisted(options: { ask: boolean }) {
    const persisted = await this.#connection?.persisted?.(options);
    if (persisted !== undefined) this.#health.update({ persisted });
    this.#listener.changed();
  }

  #enqueue<T>(task: StorageTask, work: (store: ReplicaStore) => Promise<T>): Promise<T> {
    return this.#queue.enqueue(task, () => work(this.#store!), this.opened);
  }

  #onFailure(error: ReplicateError) {
    const { code } = error;
    if (code === "DATA_CLEARED") this.#listener.cleared(error);
    if (code === "NEWER_DATA") this.#newerData ??= error;
    if (code === "STORAGE_LOST" || this.#newerData) this.#listener.lost(this.#newerData ?? error);
  }

  /** Now, or as soon as it works: only what is stored tells what else became of it. */
  #loadInTheEnd(): Promise<void> {
    return this.#load().catch(() => void this.reload());
  }

  async #load() {
    const known = this.replica.records();
    const before = this.replica.damaged;
    const wasResetting = this.#point.reset !== undefined;
    const loaded = await this.#store!.load(this.replica.lastSegment);
    this.#point = loaded.point;
    this.#show([...this.replica.load(loaded), ...this.#superseded()]);
    for (const record of newlyRejected(known, loaded.records)) this.#listener.rejected(record);
    this.#listener.changed();
    if (wasResetting && !loaded.point.reset) this.#listener.maySend();
    this.#rows.rebuild(loaded);
    if (isMore(loaded.damaged, before)) this.#listener.mustHeal();
    if (isMore(before, loaded.damaged)) this.#listener.maySend();
  }

  /** Shows what has just been stored, and sees to damage that was found on the way. */
  #applied(changes: RowChanges, documents: Iterable<string> = this.replica.applyRows(changes)) {
    this.#announce(documents);
    this.#rows.rebuild(changes);
  }

  /** Documents that may look different because nothing of a lost disk is shown any more. */
  #superseded(): string[] {
    if (!this.#point.complete || !this.replica.hasFormer) return [];
    this.#listener.maySend();
    return this.replica.forgetFormer();
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
