import type { Value } from "convex/values";
import { createEngine } from "../../dev/backend/engine/engine.js";
import { register } from "convex-replicate/test";
import { sameValue } from "../../src/shared/values.js";
import { Device, NO_FAULTS, type Tab, type World } from "./device.js";
import { SimServer } from "./server.js";
import { quiet, seededRandom, VirtualTime } from "./time.js";

const DEVICES = 3;
const DOCUMENTS = ["d0", "d1", "d2", "d3"];
const STEPS = 60;

/** Everything must have arrived this long after all faults have ended, with nobody's help, in ms. */
const HEAL_MS = 240_000;

/** A write to a path of its own, so that nothing can rightly overwrite it. */
type Write = { tab: Tab; device: Device; document: string; key: string; durable: boolean };

export type ScheduleResult = { failure: string | null; writes: number };

/** Runs one random schedule; the seed decides everything in it. */
export async function runSchedule(seed: number): Promise<ScheduleResult> {
  const random = seededRandom(seed);
  const app = {
    modules: import.meta.glob("../sync/app/convex/**/*.ts"),
    register: (t: Parameters<typeof register>[0]) => register(t),
  };
  const runtime = await createEngine(app, { random });
  const world: World = {
    time: new VirtualTime(),
    random,
    server: new SimServer(runtime),
    faults: {
      lostRequest: random() * 0.1,
      lostAnswer: random() * 0.2,
      duplicate: random() * 0.1,
      storageFailure: random() * 0.05,
    },
  };
  const run = new Run(world);
  try {
    for (let step = 0; step < STEPS; step++) await run.step();
    await run.heal();
    return { failure: await run.failure(), writes: run.writes.length };
  } finally {
    await runtime.close();
  }
}

class Run {
  readonly writes: Write[] = [];
  readonly #devices: Device[];
  readonly #rejected = new Set<string>();
  readonly #removed = new Set<string>();
  #count = 0;

  constructor(readonly world: World) {
    this.#devices = Array.from({ length: DEVICES }, (_, n) => new Device(`device ${n}`, world));
    for (const device of this.#devices) {
      device.open();
      if (this.#chance(0.5)) device.open();
    }
  }

  async step() {
    const device = this.#pick(this.#devices);
    const tab = device.tabs.length > 0 ? this.#pick(device.tabs) : device.open();
    const dice = this.world.random();
    if (dice < 0.6) this.#edit(tab);
    else if (dice < 0.7) device.setOnline(!device.online);
    else if (dice < 0.76) this.#crash(tab);
    else if (dice < 0.82 && device.tabs.length < 3) device.open();
    else await this.world.time.advance(this.world.random() * 5_000);
    await quiet();
    await this.world.time.advance(this.world.random() * 300);
    this.#noteDurable();
  }

  async heal() {
    Object.assign(this.world.faults, NO_FAULTS);
    for (const device of this.#devices) {
      if (device.tabs.length === 0) device.open();
      device.setOnline(true);
    }
    await this.world.time.advance(HEAL_MS);
    this.#noteDurable();
  }

  /** What went wrong, or null. */
  async failure(): Promise<string | null> {
    const rows = (await this.world.server.query("tasks:table", {})) as { [key: string]: Value }[];
    const table = new Map(
      rows.map(({ id, version: _, timestamp: __, ...row }) => [id as string, row as Value]),
    );
    for (const { name, tabs } of this.#devices) {
      for (const [index, tab] of tabs.entries()) {
        const where = `${name}, tab ${index}`;
        const { pending } = tab.engine.status.get();
        if (pending > 0) return `${where}: ${pending} changes still pending`;
        for (const id of DOCUMENTS) {
          if (!sameValue(tab.rows.get(id), table.get(id))) {
            return `${where}: ${id} is ${show(tab.rows.get(id))}, the table has ${show(table.get(id))}`;
          }
        }
      }
    }
    return this.#lostWrite(table);
  }

  #lostWrite(table: Map<string, Value>): string | null {
    for (const { document, key, durable } of this.writes) {
      const row = table.get(document) as { ratings?: Record<string, Value> } | undefined;
      const present = row?.ratings?.[key] !== undefined;
      const excused = this.#rejected.has(key) || this.#removed.has(document);
      if (durable && !present && !excused) return `lost: ${key} of ${document}`;
      if (present && this.#rejected.has(key)) return `rejected and stored: ${key} of ${document}`;
    }
    return null;
  }

  #edit(tab: Tab) {
    const document = this.#pick(DOCUMENTS);
    const shown = tab.rows.get(document);
    const key = `k${this.#count++}`;
    const base = { id: document, ...shown } as Record<string, Value>;
    if (shown && this.#chance(0.08)) {
      this.#removed.add(document);
      const row = { type: "delete" as const, key: document, original: base, modified: base };
      tab.engine.accept([row]);
      return;
    }
    const forbidden = this.#chance(0.06);
    const ratings = { ...(shown?.["ratings"] as object | undefined), [key]: this.#count };
    const modified = {
      ...(shown ? base : { id: document, votes: 0 }),
      title: forbidden ? `forbidden ${key}` : `title ${key}`,
      ratings,
    };
    this.writes.push({ tab, device: tab.device, document, key, durable: false });
    const type = shown ? ("update" as const) : ("insert" as const);
    tab.engine.accept([{ type, key: document, original: shown ? base : {}, modified }]);
  }

  #crash(tab: Tab) {
    this.#noteDurable();
    tab.crash();
  }

  /** A write is durable once its record has a place on disk, or is gone from the outbox again. */
  #noteDurable() {
    for (const { tabs } of this.#devices) {
      for (const tab of tabs) {
        const waiting = tab.engine.records().filter(({ rejected }) => rejected !== null);
        for (const { operations } of [...tab.rejected.splice(0), ...waiting]) {
          for (const path of operations.keys()) this.#rejected.add(path.replace("ratings/", ""));
        }
      }
    }
    for (const write of this.writes) {
      if (write.durable || !write.tab.alive) continue;
      const own = write.tab.engine
        .records()
        .find(({ operations }) => operations.has(`ratings/${write.key}`));
      write.durable = own ? own.seq !== null : true;
    }
  }

  #chance(probability: number): boolean {
    return this.world.random() < probability;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.world.random() * items.length)]!;
  }
}

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value);
}
