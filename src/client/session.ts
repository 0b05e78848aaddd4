import type { Identity } from "./identity.js";
import { Leadership } from "./leadership.js";
import { LocalData, type LocalDataConfig } from "./local-data.js";
import type { LocalWrite } from "./local-write.js";
import type { Page } from "./page.js";
import type { OutboxRecord } from "./records.js";
import type { ShownChange } from "./replica.js";
import { Saver } from "./saver.js";
import { Puller } from "./sync/pull.js";
import { Pusher } from "./sync/push.js";
import { INITIAL_SYNC_STATE, isUnfit, reasonOf, type SyncState } from "./sync/state.js";
import { loneTab, type TabMessage, type Tabs } from "./tabs.js";
import type { Transport } from "./transport.js";

export type SessionConfig = LocalDataConfig & {
  transport: Transport;
  tabs: () => Tabs;
  page: Page;
  /** How long a local change waits for others to go with it, in ms. */
  windowMs: number;
};

export type SessionListener = {
  shown(changes: ShownChange[]): unknown;
  /** Something that the status is made of may have changed. */
  changed(): unknown;
  rejected(record: OutboxRecord): unknown;
  /** The disk is empty now, and this session over; not by anyone's wish. */
  lost(): unknown;
  /** The same, because another tab has deleted everything on purpose. */
  cleared(): unknown;
};

/**
 * One tab's life with one collection, from opening its storage to closing it. Data flows one way:
 * local changes -> outbox on disk -> push; stream -> base on disk -> rows shown.
 */
export class Session {
  readonly data: LocalData;
  sync: SyncState = INITIAL_SYNC_STATE;

  readonly #transport: Transport;
  readonly #page: Page;
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
    const { environment, fields, transport, page } = config;
    this.#transport = transport;
    this.#page = page;
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
      healing: (state) => this.#onHealing(state),
      cleared: () => {
        this.#saver.stop();
        listener.cleared();
      },
    });
    this.#saver = new Saver(environment, this.#save);
    this.#puller = new Puller(transport, environment, {
      fieldsHash: fields.hash,
      syncPoint: () => this.data.syncPoint,
      identify: (identity) => this.#identify(identity),
      apply: (entries, sync) => this.data.applyPage(entries, sync),
      agreed: () => this.#startPushing(false),
      report: (state) => {
        this.#report(state);
        if (state.caughtUp) this.#startPushing(true);
      },
    });
    this.#pusher = new Pusher(
      transport,
      environment,
      {
        pending: () => this.data.replica.pending(),
        mint: (documents) => this.data.mint(documents),
        settle: (outgoing, results) => this.data.settle(outgoing, results),
        report: (error) => this.#reportPush(error),
      },
      config.windowMs,
    );
    this.#leadership = new Leadership({
      lead: (...args) => this.#tabs.lead(...args),
      transport,
      page,
      environment,
      ask: () => this.#tabs.post({ type: "ask" }),
      onLead: () => void this.#lead(),
      onStepDown: () => this.#stepDown(),
    });
    void this.#start();
  }

  /** Records local changes, shows them at once, and brings them to disk and to the server later (C1). */
  write(writes: readonly LocalWrite[]): Promise<void> {
    return this.#saver.save(this.data.add(writes));
  }

  /** Takes over the local changes of a session whose disk was lost. */
  async adopt(records: readonly OutboxRecord[]): Promise<void> {
    await this.data.adopt(records);
    this.#pusher.changed();
  }

  /** Whether closing would leave nothing unsent; nothing unsaved, when it may not send. */
  isIdle(): boolean {
    const { pending, unsaved } = this.data.replica.counts();
    return this.#isOpen && (this.#leadership.isPaused ? unsaved : pending) === 0;
  }

  /** Sends what there is now, without waiting for more; in another tab, if that one syncs. */
  async sendNow(): Promise<void> {
    await this.data.opened;
    await this.#saver.settled();
    if (!this.#leadership.leads) this.#tabs.post({ type: "flush" });
    await this.#pusher.sendNow();
  }

  /** Stops syncing until `resume`; what is written is kept on disk. */
  pause() {
    this.#leadership.pause();
    this.#listener.changed();
  }

  resume() {
    this.#leadership.resume();
    if (this.#isOpen) this.#onConnection();
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
    this.#leadership.pause();
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
    this.#forget.push(
      this.#transport.onConnection(this.#onConnection),
      this.#page.onVisibility(this.#onVisibility),
    );
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

  #onVisibility = (visible: boolean) => {
    this.#leadership.update();
    if (visible) return;
    // The page may be about to end. Whoever hears this reads the disk after what is being stored,
    // which this page may not be there to tell of.
    if (this.data.replica.counts().unsaved > 0) this.#tabs.post({ type: "changed" });
    void this.sendNow();
  };

  async #lead() {
    await this.data.reload();
    if (!this.#leadership.leads) return;
    // The tab that led before may have died between storing something and saying so.
    this.#tabs.post({ type: "changed" });
    this.#showAlive();
    this.#puller.start();
  }

  /** What this tab knew of how syncing goes is over; whoever syncs now says how it is. */
  #stepDown() {
    this.#puller.stop();
    this.#pusher.stop();
    this.#report({ pushReason: null });
    this.#tabs.post({ type: "hello" });
  }

  /** An answer may come after the turn was lost: then it says nothing of how syncing goes. */
  #reportPush(error: Error | null) {
    if (this.#leadership.leads) this.#report({ pushReason: reasonOf(error) });
  }

  /**
   * Nothing is sent before what the server has is here: storage may be older than what was sent from
   * it, and would use the same clocks for something else (C6 ◆). A first load is not waited for.
   */
  #startPushing(caughtUp: boolean) {
    if (caughtUp || !this.data.syncPoint.complete) this.#pusher.start();
  }

  /** What is here belongs to one person: nothing is sent while someone else is signed in. */
  async #identify(identity: Identity) {
    try {
      await this.data.identify(identity);
    } catch (error) {
      this.#pusher.stop();
      throw error;
    }
  }

  #save = async (records: readonly OutboxRecord[]) => {
    await this.data.save(records);
    this.#pusher.changed();
  };

  /** Whoever syncs has to begin with a load, or may send what waited for one. */
  #onHealing(state: "begins" | "done") {
    if (state === "done") return this.#pusher.changed();
    if (!this.#leadership.leads) return;
    this.#puller.stop();
    this.#puller.start();
  }

  #onMessage = (message: TabMessage) => {
    const { leads } = this.#leadership;
    switch (message.type) {
      case "changed":
        return void this.data.reload().then(() => this.#pusher.changed());
      case "flush":
        return void this.data.reload().then(() => this.#pusher.sendNow());
      case "hello":
        return leads ? this.#postState() : undefined;
      case "state":
        return leads ? undefined : this.#report(this.#asFollower(message.state));
      case "ask":
        return leads ? this.#showAlive() : undefined;
      case "alive":
        return this.#leadership.heard(message.visible);
    }
  };

  /** That another tab fits the server says nothing about this one. */
  #asFollower(state: SyncState): SyncState {
    const { pullReason } = this.sync;
    return isUnfit(pullReason) ? { ...state, pullReason } : state;
  }

  #showAlive() {
    this.#tabs.post({ type: "alive", visible: this.#page.isVisible() });
  }

  #report(state: Partial<SyncState>) {
    this.sync = { ...this.sync, ...state };
    this.#listener.changed();
    if (!this.#leadership.leads) return;
    if (isUnfit(this.sync.pullReason)) this.#leadership.giveWay();
    else this.#postState();
  }

  #postState() {
    this.#tabs.post({ type: "state", state: this.sync });
  }
}
