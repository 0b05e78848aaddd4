import type { Identity } from "../../shared/identity.js";
import type { Environment } from "../platform/environment.js";
import { Leadership } from "../tabs/leadership.js";
import type { LocalData } from "../local-data/local-data.js";
import type { Page } from "../platform/page.js";
import { loneTab, type TabMessage, type Tabs } from "../tabs/tabs.js";
import type { Transport } from "../platform/transport.js";
import { untilMine } from "./handshake.js";
import { Puller } from "./pull.js";
import { Pusher } from "./push.js";
import {
  INITIAL_SYNC_STATE,
  isUnfit,
  isWrongIdentity,
  reasonOf,
  type SyncState,
} from "../tabs/sync-state.js";

export type SyncConfig = {
  transport: Transport;
  tabs: () => Tabs;
  page: Page;
  environment: Environment;
  /** How long a local change waits for others to go with it, in ms. */
  coalesceMs: number;
};

/**
 * One tab's part in bringing its data and the server's together: it agrees with the other tabs on
 * which of them does it, does it when it is its turn, and otherwise follows how it goes.
 */
export class Sync {
  #state: SyncState = INITIAL_SYNC_STATE;
  readonly #data: LocalData;
  readonly #changed: () => void;
  readonly #transport: Transport;
  readonly #environment: Environment;
  readonly #page: Page;
  #tabs: Tabs;
  readonly #leadership: Leadership;
  readonly #puller: Puller;
  readonly #pusher: Pusher;
  readonly #forget: (() => void)[];
  /** Set while it waits, out of the queue, for the owner of the data to be signed in here. */
  #standingBack: AbortController | null = null;

  /**
   * Hears other tabs from now on, and does nothing else before `start`.
   *
   * @param changed Told of every change of `state`.
   */
  constructor(config: SyncConfig, fieldsHash: string, data: LocalData, changed: () => void) {
    const { environment, transport, page, coalesceMs } = config;
    this.#data = data;
    this.#changed = changed;
    this.#transport = transport;
    this.#environment = environment;
    this.#page = page;
    this.#tabs = config.tabs();
    this.#forget = [this.#tabs.onMessage(this.#onMessage)];
    this.#puller = new Puller(transport, environment, {
      fieldsHash,
      syncPoint: () => data.syncPoint,
      identify: (identity) => this.#identify(identity),
      apply: (...args) => data.applyPage(...args),
      held: (documents) => data.held(documents),
      damaged: () => data.replica.damaged,
      heal: (...args) => data.heal(...args),
      reset: (cursor, reason) => data.reset(cursor, reason),
      showReloaded: () => data.showReloaded(),
      begun: () => this.#startPushing(false),
      report: (state) => {
        this.#report(state);
        if (state.caughtUp) this.#startPushing(true);
      },
    });
    const host = {
      pending: () => data.replica.pending(),
      mint: data.mint.bind(data),
      settle: data.settle.bind(data),
      report: (error: Error | null) => this.#reportPush(error),
    };
    this.#pusher = new Pusher(transport, environment, host, coalesceMs);
    this.#leadership = new Leadership({
      lead: (...args) => this.#tabs.lead(...args),
      transport,
      page,
      environment,
      ask: () => this.#tabs.post({ type: "ask" }),
      onLead: () => void this.#lead(),
      onStepDown: () => this.#stepDown(),
    });
  }

  /** How it goes, as far as this tab knows. */
  get state(): SyncState {
    return this.#state;
  }

  get isPaused(): boolean {
    return this.#leadership.isPaused;
  }

  /** The data is open now. */
  start() {
    if (this.#data.storage.kind === "memory") this.#leaveTabs();
    this.#forget.push(this.#transport.onConnection(this.#onConnection));
    this.#tabs.post({ type: "hello" });
    this.#onConnection();
  }

  /** There may be more to send than there was. */
  dataChanged() {
    this.#pusher.changed();
  }

  /** Other tabs should look at the disk: something on it changed, or is about to. */
  tellTabs() {
    this.#tabs.post({ type: "changed" });
  }

  /** Sends what is on disk, without waiting for more; in another tab, if that one syncs. */
  async sendNow(): Promise<void> {
    if (!this.#leadership.leads) this.#tabs.post({ type: "flush" });
    await this.#pusher.sendNow();
  }

  visibilityChanged() {
    this.#leadership.update();
  }

  /** Syncs nothing until `resume`. */
  pause() {
    this.#standingBack?.abort();
    this.#standingBack = null;
    this.#leadership.pause();
  }

  resume() {
    this.#leadership.resume();
    // Somebody else was signed in before it paused; whether they still are, the server says.
    if (this.#state.pullReason?.isStranger) this.#report({ pullReason: null });
  }

  /** Looks at the connection again, e.g. after `resume`. */
  update() {
    this.#onConnection();
  }

  /** There are damaged documents to recover. */
  mustHeal() {
    this.#puller.heal();
  }

  /** Ends its part; it may still post to other tabs until `leave`. */
  stop() {
    for (const forget of this.#forget) forget();
    this.pause();
  }

  leave() {
    this.#tabs.close();
  }

  /** What is in memory no other tab can see: waiting for another one to sync would be for ever (C9). */
  #leaveTabs() {
    this.#tabs.close();
    this.#tabs = loneTab();
  }

  #onConnection = () => {
    this.#leadership.update();
    if (this.#transport.isConnected()) void this.#pusher.sendNow();
    this.#changed();
  };

  async #lead() {
    await this.#data.reload();
    if (!this.#leadership.leads) return;
    // The tab that led before may have died between storing something and saying so.
    this.tellTabs();
    this.#showAlive();
    // What the tab that led before said of itself: this one is behind until it has heard of the server.
    this.#report({ caughtUp: false, pushReason: null, healReason: null });
    this.#puller.start();
  }

  /** What this tab knew of how syncing goes is over; the tab that syncs now reports it. */
  #stepDown() {
    this.#puller.stop();
    this.#pusher.stop();
    this.#report({ pushReason: null, healReason: null });
    this.#tabs.post({ type: "hello" });
    // Where the turn was taken while this page stood still, it does not know what was stored since.
    void this.#data.reload();
  }

  /** An answer may come after the turn was lost: then it is not reported. */
  #reportPush(error: Error | null) {
    if (this.#leadership.leads) this.#report({ pushReason: reasonOf(error) });
  }

  /**
   * Nothing is sent before what the server has is here: storage may be older than what was sent from
   * it, and would use the same clocks for something else (C6 ◆). A first load is not waited for.
   */
  #startPushing(caughtUp: boolean) {
    if (caughtUp || !this.#data.syncPoint.complete) this.#pusher.start();
  }

  /** What is here belongs to one person: nothing is sent while someone else is signed in. */
  async #identify(identity: Identity) {
    try {
      await this.#data.identify(identity);
    } catch (error) {
      this.#pusher.stop();
      throw error;
    }
    // Whoever was signed in before, here or in the tab that led before this one.
    if (isWrongIdentity(this.#state.pullReason)) this.#report({ pullReason: null });
  }

  /** The tab that asks may be one in which the owner of the data is signed in (C9). */
  async #standBack() {
    const { signal } = (this.#standingBack = new AbortController());
    this.#leadership.standBack();
    const identify = (identity: Identity) => this.#identify(identity);
    const { cursor } = this.#data.syncPoint;
    await untilMine(this.#transport, this.#environment, cursor, identify, signal);
    if (signal.aborted) return;
    this.#standingBack = null;
    this.#leadership.comeBack();
    this.#tabs.post({ type: "ask" }); // the one that leads now may be in that place itself
  }

  #onMessage = (message: TabMessage) => {
    const { leads } = this.#leadership;
    switch (message.type) {
      case "changed":
        return void this.#data.reload().then(() => this.#pusher.changed());
      case "flush":
        return void this.#data.reload().then(() => this.#pusher.sendNow());
      case "hello":
        return leads ? this.#postState() : undefined;
      case "state":
        return leads ? undefined : this.#report(this.#asFollower(message.state));
      case "ask":
        return leads ? this.#answerAsk() : undefined;
      case "alive":
        return this.#leadership.heard(message.visible);
    }
  };

  /** Another tab may fit the server, or be the owner's, although this one is not. */
  #asFollower(state: SyncState): SyncState {
    const { pullReason } = this.#state;
    return isUnfit(pullReason) || this.#standingBack ? { ...state, pullReason } : state;
  }

  #answerAsk() {
    if (isWrongIdentity(this.#state.pullReason)) void this.#standBack();
    else this.#showAlive();
  }

  #showAlive() {
    this.#tabs.post({ type: "alive", visible: this.#page.isVisible() });
  }

  #report(state: Partial<SyncState>) {
    this.#state = { ...this.#state, ...state };
    this.#changed();
    if (!this.#leadership.leads) return;
    if (!isUnfit(this.#state.pullReason)) this.#postState();
    else if (state.pullReason) this.#leadership.giveWay(); // not before it has tried
  }

  #postState() {
    this.#tabs.post({ type: "state", state: this.#state });
  }
}
