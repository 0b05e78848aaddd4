import { compileFields } from "../../src/shared/compiled-fields.js";
import { Engine } from "../../src/client/engine.js";
import type { Environment } from "../../src/client/environment.js";
import type { OutboxRecord } from "../../src/client/records.js";
import type { ShownChange } from "../../src/client/replica.js";
import { memoryStorage } from "../../src/client/storage/memory.js";
import type { ReplicaStorage } from "../../src/client/storage/storage.js";
import type { TabMessage, Tabs } from "../../src/client/tabs.js";
import type { Transport } from "../../src/client/transport.js";
import type { RowFields } from "../../src/shared/operations.js";
import { taskFields } from "../sync/app/convex/fields.js";
import type { SimServer } from "./server.js";
import type { VirtualTime } from "./time.js";

export type Faults = {
  /** Probability that a request never reaches the server. */
  lostRequest: number;
  /** Probability that an answer never reaches the client. */
  lostAnswer: number;
  /** Probability that a push is executed once more, later. */
  duplicate: number;
  /** Probability that a storage transaction fails before it does anything. */
  storageFailure: number;
};

export const NO_FAULTS: Faults = {
  lostRequest: 0,
  lostAnswer: 0,
  duplicate: 0,
  storageFailure: 0,
};

/** What outlives a page: the disk, the lock and the channel of one browser profile. */
export class Device {
  readonly storage = memoryStorage();
  readonly tabs: Tab[] = [];
  online = true;
  #lockQueue: { tab: SimTabs; lead: () => void }[] = [];

  constructor(
    readonly name: string,
    readonly world: World,
  ) {}

  open(): Tab {
    const tab = new Tab(this);
    this.tabs.push(tab);
    return tab;
  }

  setOnline(online: boolean) {
    this.online = online;
    for (const tab of this.tabs) tab.connectionChanged();
  }

  requestLock(tab: SimTabs, lead: () => void) {
    this.#lockQueue.push({ tab, lead });
    if (this.#lockQueue.length === 1) this.#grant();
  }

  releaseLock(tab: SimTabs) {
    const held = this.#lockQueue[0]?.tab === tab;
    this.#lockQueue = this.#lockQueue.filter((one) => one.tab !== tab);
    if (held) this.#grant();
  }

  #grant() {
    const first = this.#lockQueue[0];
    if (first) this.world.time.after(1, () => this.#lockQueue[0] === first && first.lead());
  }
}

export type World = {
  time: VirtualTime;
  random: () => number;
  server: SimServer;
  faults: Faults;
};

/** One page: the real engine in a world of its own, which ends when the page does. */
export class Tab {
  readonly rows = new Map<string, RowFields>();
  readonly engine: Engine;
  readonly rejected: OutboxRecord[] = [];
  alive = true;
  readonly #simTabs: SimTabs;
  readonly #connectionListeners = new Set<() => void>();
  readonly #detach: () => void;

  constructor(readonly device: Device) {
    const { world } = device;
    this.#simTabs = new SimTabs(this);
    const environment: Environment = {
      now: () => world.time.now,
      elapsed: () => world.time.now,
      random: world.random,
      after: (ms, run) => world.time.after(ms, () => this.alive && run()),
    };
    this.engine = new Engine(
      {
        name: "tasks",
        fields: compileFields(taskFields),
        transport: this.#transport(),
        storage: faultyStorage(device.storage, this),
        tabs: () => this.#simTabs,
        environment,
        windowMs: 50,
      },
      "tasks",
    );
    this.engine.rejections.on((record) => void this.rejected.push(record));
    this.#detach = this.engine.attach({ shown: (changes) => this.#show(changes), ready() {} });
  }

  connectionChanged() {
    for (const listener of [...this.#connectionListeners]) listener();
  }

  deliver(message: TabMessage) {
    if (this.alive) this.#simTabs.emit(message);
  }

  /** The page is gone between two steps of whatever it was doing. */
  crash() {
    this.alive = false;
    const { device } = this;
    device.tabs.splice(device.tabs.indexOf(this), 1);
    device.releaseLock(this.#simTabs);
  }

  /** The collection is cleaned up, as TanStack DB may do at any time. */
  leave() {
    this.#detach();
  }

  #show(changes: readonly ShownChange[]) {
    for (const { id, row } of changes) {
      if (row) this.rows.set(id, row);
      else this.rows.delete(id);
    }
  }

  #transport(): Transport {
    const { world } = this.device;
    const { server } = world;
    return {
      stream: (args) => this.#call(() => server.stream(args)),
      protocol: () => this.#call(() => server.protocol()),
      push: (changes) => {
        if (world.random() < world.faults.duplicate) {
          world.time.after(world.random() * 20_000, () => server.push(changes).catch(() => null));
        }
        return this.#call(() => server.push(changes));
      },
      subscribe: (cursor, onPage, onError) => {
        let open = true;
        let waiting = false;
        const refresh = () => {
          if (waiting) return;
          waiting = true;
          world.time.after(this.#latency(), async () => {
            waiting = false;
            if (!open || !this.alive) return;
            if (!this.device.online) return;
            try {
              const page = await server.stream({ cursor });
              world.time.after(this.#latency(), () => open && this.alive && onPage(page));
            } catch (error) {
              onError(error as Error);
            }
          });
        };
        const forget = server.onChange(cursor, refresh);
        this.#connectionListeners.add(refresh);
        refresh();
        return () => {
          open = false;
          forget();
          this.#connectionListeners.delete(refresh);
        };
      },
      isConnected: () => this.device.online,
      onConnection: (listener) => {
        this.#connectionListeners.add(listener);
        return () => void this.#connectionListeners.delete(listener);
      },
    };
  }

  #latency(): number {
    return 5 + this.device.world.random() * 200;
  }

  /** A call over a bad network; what is lost never settles, as with a real socket. */
  #call<T>(run: () => Promise<T>): Promise<T> {
    const { world } = this.device;
    return new Promise((resolve, reject) => {
      if (world.random() < world.faults.lostRequest) return;
      world.time.after(this.#latency(), async () => {
        if (!this.device.online) return;
        const answer = await run().then(
          (value) => () => resolve(value),
          (error: unknown) => () => reject(error),
        );
        if (world.random() < world.faults.lostAnswer) return;
        world.time.after(this.#latency(), () => this.alive && this.device.online && answer());
      });
    });
  }
}

class SimTabs implements Tabs {
  readonly #listeners = new Set<(message: TabMessage) => void>();

  constructor(readonly tab: Tab) {}

  lead(onLead: () => void) {
    if (this.tab.alive) this.tab.device.requestLock(this, () => this.tab.alive && onLead());
    return () => this.tab.device.releaseLock(this);
  }

  post(message: TabMessage) {
    const { device } = this.tab;
    for (const other of device.tabs) {
      if (other === this.tab) continue;
      device.world.time.after(device.world.random() * 10, () => other.deliver(message));
    }
  }

  onMessage(listener: (message: TabMessage) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(message: TabMessage) {
    for (const listener of [...this.#listeners]) listener(message);
  }

  close() {
    this.#listeners.clear();
    this.tab.device.releaseLock(this);
  }
}

/** Storage that takes time, so that a page can die before and after every transaction, and that may fail. */
function faultyStorage(storage: ReplicaStorage, tab: Tab): ReplicaStorage {
  const { world } = tab.device;
  const step = <T>(run: () => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      world.time.after(world.random() * 5, async () => {
        if (!tab.alive) return;
        if (world.random() < world.faults.storageFailure) return reject(new Error("disk failure"));
        const settle = await run().then(
          (value) => () => resolve(value),
          (error: unknown) => () => reject(error),
        );
        world.time.after(world.random() * 5, () => tab.alive && settle());
      });
    });
  return {
    kind: "indexeddb",
    async open(name) {
      const connection = await storage.open(name);
      return {
        transaction: (mode, stores, body) => step(() => connection.transaction(mode, stores, body)),
        close: () => connection.close(),
      };
    },
  };
}
