import type { TabMessage, Tabs } from "../../../src/client/tabs/tabs.js";
import type { Tab } from "./tab.js";

/** How long a message between tabs takes at most, in ms. */
const MAX_DELAY_MS = 10;

/** The same for one that is slow, as those to a page in the background may be. */
const MAX_SLOW_MS = 3_000;

/** A page's Web Lock and BroadcastChannel, as one session of its engine has them. */
export class TabChannel implements Tabs {
  readonly #tab: Tab;
  readonly #listeners = new Set<(message: TabMessage) => void>();
  readonly #release = new Set<() => void>();

  /** Messages arrive in the order they were sent. */
  #lastArrival = 0;

  constructor(tab: Tab) {
    this.#tab = tab;
    tab.channels.add(this);
  }

  lead(onLead: () => void, onLost: () => void, how: "queue" | "steal" = "queue") {
    const tab = this.#tab;
    const granted = () => tab.later(0, onLead);
    const lost = () => tab.later(0, onLost);
    const release = tab.device.locks.request(tab, granted, lost, how);
    this.#release.add(release);
    return () => {
      this.#release.delete(release);
      release();
    };
  }

  post(message: TabMessage) {
    for (const { channels } of this.#tab.device.tabs) {
      for (const other of channels) if (other !== this) other.#deliver(message);
    }
  }

  #deliver(message: TabMessage) {
    const { dice, time, faults } = this.#tab.device.world;
    const most = dice.chance(faults.slowMessage) ? MAX_SLOW_MS : MAX_DELAY_MS;
    this.#lastArrival = Math.max(this.#lastArrival, time.now + dice.between(0, most));
    this.#tab.later(this.#lastArrival - time.now, () => {
      for (const listener of [...this.#listeners]) listener(message);
    });
  }

  onMessage(listener: (message: TabMessage) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close() {
    this.#tab.channels.delete(this);
    this.#listeners.clear();
    for (const release of this.#release) release();
  }
}
