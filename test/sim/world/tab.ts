import type { Environment } from "../../../src/client/platform/environment.js";
import { Engine } from "../../../src/client/engine.js";
import type { Page } from "../../../src/client/platform/page.js";
import type { OutboxRecord } from "../../../src/client/store/records.js";
import type { ShownChange } from "../../../src/client/local-data/replica.js";
import { compileFields } from "../../../src/shared/compiled-fields.js";
import type { RowFields } from "../../../src/shared/operations.js";
import { taskFields } from "../app/convex/fields.js";
import { Connection } from "./connection.js";
import type { Device } from "./device.js";
import { guarded } from "./stray-errors.js";
import { TabChannel } from "./tab-channel.js";

const COMPILED = compileFields(taskFields);

/** How long a local change waits for others, in ms. */
const WINDOW_MS = 50;

/** One page: the real engine in a world of its own, which ends when the page does. */
export class Tab {
  /** What the page shows. */
  readonly rows = new Map<string, RowFields>();
  /** Refusals that it was told of. */
  readonly rejected: OutboxRecord[] = [];
  readonly connection: Connection;
  readonly channels = new Set<TabChannel>();
  readonly engine: Engine;
  isAlive = true;
  isFrozen = false;
  isVisible = true;
  /** What came while it was frozen. */
  #held: (() => unknown)[] = [];
  readonly #visibility = new Set<(visible: boolean) => void>();
  /** A fault that waits for a certain one of the points at which this page waits for something. */
  #armed: { points: number; strike: () => void } | null = null;
  readonly #endings = new Set<() => void>();
  #detach = () => {};

  constructor(
    readonly device: Device,
    readonly name: string,
  ) {
    const { time, dice } = device.world;
    this.connection = new Connection(this);
    const environment: Environment = {
      now: () => Math.floor(time.now + device.skew),
      elapsed: () => time.now,
      random: dice.random,
      after: (ms, run) => this.later(ms, run),
    };
    this.engine = new Engine({
      name: "tasks",
      fields: COMPILED,
      transport: this.connection.transport,
      storage: device.disk.storageFor(this),
      tabs: () => new TabChannel(this),
      page: this.#page(),
      environment,
      coalesceMs: WINDOW_MS,
    });
    this.engine.rejections.on((record) => void this.rejected.push(record));
  }

  /** The page uses its collection. */
  start() {
    this.#detach = this.engine.attach({ shown: (changes) => this.#show(changes), ready() {} });
  }

  /** The collection is cleaned up and started again, as TanStack DB may do at any time. */
  restart() {
    this.#note("restarts its collection");
    this.#detach();
    this.rows.clear();
    this.start();
  }

  /**
   * Runs something in this page after a while: all that ever happens to a page passes here, so this
   * is where it can die or freeze.
   */
  later(ms: number, run: () => unknown): () => void {
    let isCancelled = false;
    const fire = (): unknown => {
      if (!this.isAlive || isCancelled) return;
      this.#passPoint();
      if (!this.isAlive) return;
      if (this.isFrozen) return void this.#held.push(fire);
      return guarded(run);
    };
    this.device.world.time.after(ms, fire);
    return () => void (isCancelled = true);
  }

  /** Takes up to so many ms. */
  pause(maxMs: number): Promise<void> {
    return this.delay(this.device.world.dice.between(0, maxMs));
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.later(ms, resolve));
  }

  /** Lets something go wrong at one of the next points at which this page waits for something. */
  arm(points: number, strike: () => void) {
    this.#armed = { points, strike };
  }

  disarm() {
    this.#armed = null;
  }

  #passPoint() {
    if (this.#armed === null || this.#armed.points-- > 0) return;
    const { strike } = this.#armed;
    this.#armed = null;
    strike();
  }

  setVisible(visible: boolean) {
    this.isVisible = visible;
    for (const listener of [...this.#visibility]) guarded(() => listener(visible));
  }

  freeze() {
    this.#note("freezes");
    this.isFrozen = true;
  }

  thaw() {
    this.#note("thaws");
    this.isFrozen = false;
    const held = this.#held;
    this.#held = [];
    // One after the other, each with its consequences, as events are.
    for (const run of held) this.device.world.time.after(0, run);
  }

  /** The page is gone between two steps of whatever it was doing. */
  crash() {
    if (!this.isAlive) return;
    this.#note("is gone");
    this.isAlive = false;
    const { tabs } = this.device;
    tabs.splice(tabs.indexOf(this), 1);
    for (const channel of this.channels) channel.close();
    for (const end of this.#endings) end();
  }

  onEnd(end: () => void) {
    this.#endings.add(end);
  }

  #page(): Page {
    return {
      isVisible: () => this.isVisible,
      onVisibility: (listener) => {
        this.#visibility.add(listener);
        return () => void this.#visibility.delete(listener);
      },
      onNetwork: () => () => undefined,
      askBeforeLeaving: () => () => undefined,
    };
  }

  #note(what: string) {
    this.device.world.time.note(() => `  ${this.name} ${what}`);
  }

  #show(changes: readonly ShownChange[]) {
    for (const { id, row } of changes) {
      if (row) this.rows.set(id, row);
      else this.rows.delete(id);
    }
  }
}
