import type { ReplicateError } from "../shared/errors.js";
import { LocalData } from "./local-data/local-data.js";
import type { LocalDataConfig } from "./local-data/local-data-listener.js";
import type { LocalWrite, OutboxRecord } from "./store/records.js";
import type { ShownChange } from "./local-data/replica.js";
import type { ReplicaStore } from "./store/replica-store.js";
import { Saver } from "./local-data/saver.js";
import type { SyncState } from "./tabs/sync-state.js";
import { Sync, type SyncConfig } from "./sync/sync.js";

export type SessionConfig = LocalDataConfig & SyncConfig;

export type SessionListener = {
  shown(changes: ShownChange[]): unknown;
  /** Something that the status is made of may have changed. */
  changed(): unknown;
  rejected(record: OutboxRecord): unknown;
  /** The disk is empty now, and this session over; not by anyone's wish. */
  lost(error: ReplicateError): unknown;
  /** The same, because another tab has deleted everything on purpose. */
  cleared(error: ReplicateError): unknown;
};

/**
 * One tab's life with one collection, from opening its storage to closing it. Data flows one way:
 * local changes -> outbox on disk -> push; stream -> base on disk -> rows shown.
 */
export class Session {
  readonly data: LocalData;
  readonly #listener: SessionListener;
  /** The storage that it should have; where that does not open, it has another. */
  readonly #storageKind: string;
  readonly #saver: Saver;
  readonly #sync: Sync;
  readonly #stopWatching: () => void;
  #isOpen = false;
  #isClosed = false;

  constructor(config: SessionConfig, listener: SessionListener) {
    this.#listener = listener;
    this.#storageKind = config.storage.kind;
    this.data = new LocalData(config, {
      shown: (changes) => listener.shown(changes),
      changed: () => listener.changed(),
      rejected: (record) => listener.rejected(record),
      stored: () => this.#sync.tellTabs(),
      mustHeal: () => this.#sync.mustHeal(),
      maySend: () => this.#sync.dataChanged(),
      lost: (error) => {
        this.#saver.stop();
        listener.lost(error);
      },
      cleared: (error) => {
        this.#saver.stop();
        listener.cleared(error);
      },
    });
    // Before anything is read: what another tab stores from now on must not be missed.
    this.#sync = new Sync(config, config.fields.hash, this.data, () => listener.changed());
    this.#saver = new Saver(config.environment, this.#save);
    this.#stopWatching = config.page.onVisibility(this.#onVisibility);
    void this.#start();
  }

  /** How syncing goes, as far as this tab knows. */
  get syncState(): SyncState {
    return this.#sync.state;
  }

  /** Whether what is on disk has been read. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Records local changes, shows them at once, and brings them to disk and to the server later (C1).
   *
   * @returns whether they are in its own storage by then: not, if that is lost, or was never to be had.
   */
  async write(writes: readonly LocalWrite[]): Promise<boolean> {
    const records = this.data.add(writes);
    await this.#saver.save(records);
    return this.#hasItsStorage() && records.every(({ seq }) => seq !== null);
  }

  /** Takes over the local changes of a session whose disk was lost. */
  async adopt(records: readonly OutboxRecord[]): Promise<void> {
    await this.#saver.save(this.data.adopt(records));
    await this.data.reload(); // of what two tabs had, only one has stored it
  }

  /** Whether closing would leave nothing unsent; nothing unsaved, when it may not send. */
  isIdle(): boolean {
    const { pending, rejected, unsaved } = this.data.replica.counts();
    if (!this.#isOpen) return false;
    // The memory that stands in for a disk ends with the session, and what it holds with it (C10).
    if (!this.#hasItsStorage()) return pending + rejected === 0;
    return (this.#sync.isPaused ? unsaved : pending) === 0;
  }

  /** Whether changes would be lost if the page ended now. */
  isUnsafe(): boolean {
    const { pending, unsaved } = this.data.replica.counts();
    return (this.#isMemory() ? pending : unsaved) > 0;
  }

  /** Whether a local change outlives the page. */
  isDurable({ seq }: OutboxRecord): boolean {
    return seq !== null && !this.#isMemory();
  }

  /** Sends what there is now, without waiting for more. */
  async sendNow(): Promise<void> {
    await this.data.opened;
    await this.#saver.settled();
    await this.#sync.sendNow();
  }

  /** Stops syncing until `resume`; what is written is kept on disk. */
  pause() {
    this.#sync.pause();
    this.#listener.changed();
  }

  resume() {
    this.#sync.resume();
    if (this.#isOpen) this.#sync.update();
  }

  retry(seq: number): Promise<boolean> {
    return this.decideAndSend((store) => store.retry(seq));
  }

  discard(seq: number): Promise<boolean> {
    return this.data.decide((store) => store.discard(seq));
  }

  /** Changes the outbox so that there is more to send; resolves to whether it did. */
  async decideAndSend(decision: (store: ReplicaStore) => Promise<boolean>): Promise<boolean> {
    const isDecided = await this.data.decide(decision);
    if (isDecided) this.#sync.dataChanged();
    return isDecided;
  }

  /** Stops syncing, waits for what is being stored, and lets go of the storage. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWatching();
    this.#sync.stop();
    await this.data.opened;
    if (this.data.storage.error === null) await this.#saver.settled();
    this.#saver.stop();
    await this.data.close();
    this.#sync.leave();
  }

  #hasItsStorage(): boolean {
    return this.data.storage.kind === this.#storageKind;
  }

  #isMemory(): boolean {
    return this.data.storage.kind === "memory";
  }

  async #start() {
    await this.data.opened;
    if (this.#isClosed) return;
    this.#isOpen = true;
    this.#sync.start();
  }

  #save = async (records: readonly OutboxRecord[]) => {
    await this.data.save(records);
    this.#sync.dataChanged();
  };

  #onVisibility = (visible: boolean) => {
    if (this.#isOpen) this.#sync.visibilityChanged();
    if (visible) return;
    // The page may be about to end. Other tabs read the disk after what is being stored now, which
    // this page may not live to report.
    if (this.data.replica.counts().unsaved > 0) this.#sync.tellTabs();
    void this.sendNow();
  };
}
