import { Disk } from "./disk.js";
import { Locks } from "./locks.js";
import { Tab } from "./tab.js";
import type { World } from "./world.js";

/** What outlives a page: the disk, the lock, the clock and the network of one browser profile. */
export class Device {
  readonly disk = new Disk();
  readonly locks: Locks<Tab>;
  readonly tabs: Tab[] = [];
  online = true;
  /** How far this device's clock is off, in ms. */
  skew = 0;
  #tabsEver = 0;

  constructor(
    readonly name: string,
    readonly world: World,
  ) {
    this.locks = new Locks(world);
  }

  open(): Tab {
    const tab = new Tab(this, `${this.name}.${this.#tabsEver++}`);
    this.tabs.push(tab);
    tab.start();
    return tab;
  }

  setOnline(online: boolean) {
    this.online = online;
    for (const tab of this.tabs) tab.connection.networkChanged();
  }
}
