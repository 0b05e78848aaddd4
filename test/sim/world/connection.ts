import type { Transport } from "../../../src/client/platform/transport.js";
import type { StreamPage } from "../../../src/shared/wire.js";
import type { Tab } from "./tab.js";

/** How long a message takes in each direction, in ms. */
const LATENCY_MS = [5, 200] as const;

/** How late a duplicate arrives at most, in ms. */
const MAX_DUPLICATE_MS = 90_000;

/** How long it takes to connect again, in ms. */
const RECONNECT_MS = [100, 3_000] as const;

/**
 * How long a socket that swallows messages goes unnoticed, in ms: Convex's client gives it up after a
 * while in which it hears nothing.
 */
const UNNOTICED_MS = [500, 30_000] as const;

/** How often a message reaches the server although its socket was closed behind it. */
const LATE_ARRIVAL = 0.5;

type Request = {
  run: () => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (e: Error) => void;
};

/**
 * A page's WebSocket as Convex's client keeps it: what was not answered when it closed is sent again
 * when the next one opens, and what subscriptions bring arrives in order.
 */
export class Connection {
  readonly #tab: Tab;
  #isUp: boolean;
  /** Counts sockets: what an old one was to carry is void. */
  #socket = 0;
  #isReconnecting = false;
  readonly #requests = new Set<Request>();
  readonly #subscriptions = new Set<() => void>();
  readonly #listeners = new Set<() => void>();
  /** Nothing arrives before what was sent before it. */
  #lastArrival = 0;

  constructor(tab: Tab) {
    this.#tab = tab;
    this.#isUp = tab.device.online;
  }

  get transport(): Transport {
    const { world } = this.#tab.device;
    const { server, time, dice, faults } = world;
    return {
      stream: (args) => this.#call(() => this.#serve(() => server.stream(args))),
      recover: (documents) => this.#call(() => this.#serve(() => server.recover(documents))),
      protocol: () => this.#call(() => this.#serve(() => server.protocol())),
      push: (changes, sender) => {
        const push = () => this.#serve(() => server.push(changes, sender, this.#tab.name));
        return this.#call(() => {
          if (dice.chance(faults.duplicate)) {
            const delay = dice.random() ** 3 * MAX_DUPLICATE_MS;
            world.lastDuplicate = Math.max(world.lastDuplicate, time.now + delay);
            time.after(delay, () => push().catch(() => undefined));
          }
          return push();
        });
      },
      subscribe: (cursor, onPage, onError) => this.#subscribe(cursor, onPage, onError),
      isConnected: () => this.#isUp,
      onConnection: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
    };
  }

  /** The device went online or offline. */
  networkChanged() {
    if (this.#tab.device.online) this.#reconnect();
    else this.#close();
  }

  /** The socket breaks, and another one is opened. */
  reset() {
    this.#close();
    this.#reconnect();
  }

  #close() {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#socket += 1;
    this.#tell();
  }

  #reconnect() {
    if (this.#isReconnecting) return;
    this.#isReconnecting = true;
    const { dice } = this.#tab.device.world;
    this.#tab.later(dice.between(...RECONNECT_MS), () => {
      this.#isReconnecting = false;
      if (!this.#tab.device.online || this.#isUp) return;
      this.#isUp = true;
      for (const request of this.#requests) this.#send(request);
      for (const refresh of this.#subscriptions) refresh();
      this.#tell();
    });
  }

  #tell() {
    for (const listener of [...this.#listeners]) this.#tab.later(0, listener);
  }

  async #serve<T>(run: () => Promise<T>): Promise<T> {
    const { dice, faults } = this.#tab.device.world;
    if (dice.chance(faults.serverError)) throw new Error("The simulated server failed.");
    return run();
  }

  #call<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const request: Request = { run, reject, resolve: resolve as (value: unknown) => void };
      this.#requests.add(request);
      if (this.#isUp) this.#send(request);
    });
  }

  #send(request: Request) {
    const { time, dice, faults } = this.#tab.device.world;
    const socket = this.#socket;
    // On the wire it goes on whatever becomes of the page.
    time.after(this.#latency(), async () => {
      if (socket !== this.#socket && !dice.chance(LATE_ARRIVAL)) return;
      if (dice.chance(faults.lostRequest)) return this.#stall(socket);
      const answer = await request.run().then(
        (value) => () => request.resolve(value),
        (error: Error) => () => request.reject(error),
      );
      if (dice.chance(faults.lostAnswer)) return this.#stall(socket);
      this.#arrive(socket, () => this.#requests.delete(request) && answer());
    });
  }

  /** Runs in the page, after everything that this socket has brought before. */
  #arrive(socket: number, run: () => unknown) {
    const { time } = this.#tab.device.world;
    this.#lastArrival = Math.max(this.#lastArrival, time.now + this.#latency());
    this.#tab.later(this.#lastArrival - time.now, () => socket === this.#socket && run());
  }

  /** A socket that swallowed something is given up some time later, if it is still in use then. */
  #stall(socket: number) {
    const unnoticed = this.#tab.device.world.dice.between(...UNNOTICED_MS);
    this.#tab.later(unnoticed, () => socket === this.#socket && this.reset());
  }

  #subscribe(
    cursor: string | null,
    onPage: (page: StreamPage) => void,
    onError: (error: Error) => void,
  ): () => void {
    const { time, server } = this.#tab.device.world;
    let isOpen = true;
    let isDue = false;
    const run = async () => {
      isDue = false;
      const socket = this.#socket;
      if (!isOpen || !this.#isUp) return;
      const tell = await this.#serve(() => server.stream({ cursor, stubs: true })).then(
        (page) => () => onPage(page),
        (error: Error) => () => onError(error),
      );
      this.#arrive(socket, () => isOpen && tell());
    };
    const refresh = () => {
      if (isDue || !this.#isUp) return;
      isDue = true;
      time.after(this.#latency(), run);
    };
    const forget = server.onLog(refresh);
    this.#subscriptions.add(refresh);
    refresh();
    const close = () => {
      isOpen = false;
      forget();
      this.#subscriptions.delete(refresh);
    };
    this.#tab.onEnd(close);
    return close;
  }

  #latency(): number {
    return this.#tab.device.world.dice.between(...LATENCY_MS);
  }
}
