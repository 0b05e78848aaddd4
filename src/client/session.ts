import { Leadership } from "./leadership.js";
import { LocalData, type LocalDataConfig } from "./local-data.js";
import type { LocalWrite } from "./local-write.js";
import type { OutboxRecord } from "./records.js";
import type { ShownChange } from "./replica.js";
import { Saver } from "./saver.js";
import { Puller } from "./sync/pull.js";
import { Pusher } from "./sync/push.js";
import { INITIAL_SYNC_STATE, reasonOf, type SyncState } from "./sync/state.js";
import { loneTab, type TabMessage, type Tabs } from "./tabs.js";
import type { Transport } from "./transport.js";

export type SessionConfig = LocalDataConfig & {
  transport: Transport;
  tabs: () => Tabs;
  /** How long a local change waits for others to go with it, in ms. */
  windowMs: number;
};

export type SessionListener = {
  shown(changes: ShownChange[]): unknown;
  /** Something that the status is made of may have changed. */
  changed(): unknown;
  rejected(record: OutboxRecord): unknown;
  /** The disk is empty now: this session is over. */
  lost(): unknown;
};

/**
 * One tab's life with one collection, from opening its storage to closing it. Data flows one way:
 * local changes -> outbox on disk -> push; stream -> base on disk -> rows shown.
 */
export class Session {
  readonly data: LocalData;
  sync: SyncState = INITIAL_SYNC_STATE;

  readonly #transport: Transport;
  readonly #listener: SessionListener;
  #tabs: Tabs;
  readonly #saver: Saver;
  readonly #leadership: Leadership;
  readonly #puller: Puller;
  readonly #pusher: Pusher;
  readonly #forget: (() => void)[];
  #isOpen = false;
  #isClosed = false;

  constructor(config: SessionConfig, listener: SessionListener) {
    const { environment, fields, transport } = config;
    this.#transport = transport;
    this.#listener = listener;
    this.#tabs = config.tabs();
    // Before anything is read: what another tab stores from now on must not be missed.
    this.#forget = [this.#tabs.onMessage(this.#onMessage)];
    this.data = new LocalData(config, {
      shown: (changes) => listener.shown(changes),
      changed: () => listener.changed(),
      rejected: (record) => listener.rejected(record),
      stored: () => this.#tabs.post({ type: "changed" }),
      lost: () => {
        this.#saver.stop();
        listener.lost();
      },
    });
    this.#saver = new Saver(environment, this.#save, this.data.reportStorage);
    this.#puller = new Puller(transport, environment, {
      fieldsHash: fields.hash,
      syncPoint: () => this.data.syncPoint,
      apply: (entries, sync) => this.data.applyPage(entries, sync),
      agreed: () => this.#pusher.start(),
      report: (state) => this.#report(state),
    });
    this.#pusher = new Pusher(
      transport,
      environment,
      {
        pending: () => this.data.replica.pending(),
        mint: (documents) => this.data.mint(documents),
        settle: (outgoing, results) => this.data.settle(outgoing, results),
        report: (error) => this.#report({ pushReason: reasonOf(error) }),
      },
      config.windowMs,
    );
    this.#leadership = new Leadership(
      { lead: (onLead) => this.#tabs.lead(onLead), transport, environment },
      () => void this.#lead(),
      () => this.#stepDown(),
    );
    void this.#start();
  }

  /** Records local changes, shows them at once, and brings them to disk and to the server later (C1). */
  write(writes: readonly LocalWrite[]) {
    void this.#saver.save(this.data.add(writes));
  }

  /** Takes over the local changes of a session whose disk was lost. */
  async adopt(records: readonly OutboxRecord[]): Promise<void> {
    await this.data.adopt(records);
    this.#pusher.changed();
  }

  /** Whether closing would leave nothing unsent. */
  isIdle(): boolean {
    return this.#isOpen && this.data.replica.counts().pending === 0;
  }

  /** Sends what there is now, without waiting for more. */
  async sendNow(): Promise<void> {
    await this.data.opened;
    await this.#saver.settled();
    await this.#pusher.sendNow();
  }

  async retry(seq: number): Promise<boolean> {
    const isRetried = await this.data.decide((store) => store.retry(seq));
    if (isRetried) this.#pusher.changed();
    return isRetried;
  }

  discard(seq: number): Promise<boolean> {
    return this.data.decide((store) => store.discard(seq));
  }

  /** Stops syncing, waits for what is being stored, and lets go of the storage. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const forget of this.#forget) forget();
    this.#leadership.stepDown();
    await this.data.opened;
    if (this.data.storage.error === null) await this.#saver.settled();
    this.#saver.stop();
    await this.data.close();
    this.#tabs.close();
  }

  async #start() {
    await this.data.opened;
    if (this.#isClosed) return;
    this.#isOpen = true;
    if (this.data.storage.kind === "memory") this.#leaveTabs();
    this.#forget.push(this.#transport.onConnection(this.#onConnection));
    this.#tabs.post({ type: "hello" });
    this.#onConnection();
  }

  /** What is in memory no other tab can see: waiting for another one to sync would be for ever (C9). */
  #leaveTabs() {
    this.#tabs.close();
    this.#tabs = loneTab();
  }

  #onConnection = () => {
    this.#leadership.update();
    if (this.#transport.isConnected()) void this.#pusher.sendNow();
    this.#listener.changed();
  };

  async #lead() {
    await this.data.reload();
    if (!this.#leadership.leads) return;
    // The tab that led before may have died between storing something and saying so.
    this.#tabs.post({ type: "changed" });
    this.#puller.start();
  }

  #stepDown() {
    this.#puller.stop();
    this.#pusher.stop();
  }

  #save = async (records: readonly OutboxRecord[]) => {
    await this.data.save(records);
    this.#pusher.changed();
  };

  #onMessage = (message: TabMessage) => {
    const { leads } = this.#leadership;
    if (message.type === "state" && !leads) this.#report(message.state);
    if (message.type === "hello" && leads) this.#postState();
    if (message.type !== "changed") return;
    void this.data.reload().then(() => this.#pusher.changed());
  };

  #report(state: Partial<SyncState>) {
    this.sync = { ...this.sync, ...state };
    this.#listener.changed();
    if (this.#leadership.leads) this.#postState();
  }

  #postState() {
    this.#tabs.post({ type: "state", state: this.sync });
  }
}
