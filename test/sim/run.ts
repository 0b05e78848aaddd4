import { historyProblem } from "./oracle/history.js";
import { Ledger } from "./oracle/ledger.js";
import {
  basesProblem,
  logState,
  rowsProblem,
  statusProblem,
  storageProblem,
} from "./oracle/replicas.js";
import type { Strike } from "./steps.js";
import { DOCUMENTS, Users } from "./users.js";
import { Device } from "./world/device.js";
import type { Image } from "../../src/client/storage/memory-transaction.js";
import type { Tab } from "./world/tab.js";
import { NO_FAULTS, type World } from "./world/world.js";

const DEVICES = 3;

/**
 * Everything must have arrived this long after all faults have ended, with nobody's help, in ms: the
 * longest pause between two attempts is half of it.
 */
const HEAL_MS = 60_000;

/** How long pages have at the end to tell each other the last news, in ms. */
const SETTLE_MS = 1_000;

/** Old disks that a device may be put back to, at most. */
const MAX_IMAGES = 4;

/** Devices, their users, and what is known of them during one schedule. */
export class Run {
  readonly ledger = new Ledger();
  readonly users: Users;
  readonly devices: Device[];
  problem: string | null = null;
  /** How long it took until everything had arrived, in ms. */
  healedAfter = 0;
  readonly #directlyEdited = new Set<string>();
  readonly #images = new Map<Device, Image[]>();
  readonly #evicted = new Set<Device>();
  #directEdits = 0;
  #hasForgotten = false;

  constructor(
    readonly world: World,
    readonly strikes: readonly Strike[],
  ) {
    this.users = new Users(world, this.ledger, (problem) => this.#fail(problem));
    this.devices = Array.from({ length: DEVICES }, (_, n) => new Device(`device ${n}`, world));
    for (const device of this.devices) {
      device.open();
      if (this.dice.chance(0.5)) device.open();
    }
  }

  get dice() {
    return this.world.dice;
  }

  someDevice(): Device {
    return this.dice.pick(this.devices);
  }

  someTab(device = this.someDevice()): Tab {
    return device.tabs.length > 0 ? this.dice.pick(device.tabs) : device.open();
  }

  crash(tab: Tab) {
    this.ledger.listen(tab);
    tab.crash();
  }

  /** A page that ends in good order hears of it. */
  reload(tab: Tab) {
    if (!tab.isFrozen && tab.isAlive) tab.setVisible(false);
    this.crash(tab);
    tab.device.open();
  }

  evict(device: Device) {
    this.listen();
    this.ledger.forgetDisk(device);
    this.world.time.note(() => `  ${device.name} loses its disk`);
    device.disk.evict();
    this.#evicted.add(device);
  }

  damage(device: Device) {
    const document = this.dice.pick(DOCUMENTS);
    this.world.time.note(() => `  ${device.name} has a damaged ${document}`);
    device.disk.damage(document);
  }

  toggleUnreadable() {
    const document = this.dice.pick(DOCUMENTS);
    const { unreadable } = this.world.server;
    this.world.time.note(() => `  the server can, or cannot, recover ${document}`);
    if (!unreadable.delete(document)) unreadable.add(document);
  }

  rollBack(device: Device) {
    const image = this.dice.pick(this.#images.get(device) ?? []);
    if (!image) return;
    for (const tab of [...device.tabs]) this.crash(tab);
    this.ledger.forgetDisk(device);
    device.disk.restore(image);
  }

  clone(from: Device) {
    const to = this.someDevice();
    if (to === from) return;
    this.listen();
    for (const tab of [...to.tabs]) this.crash(tab);
    this.ledger.forgetDisk(to);
    this.ledger.repeat(from);
    to.disk.restore(from.disk.image);
  }

  async editDirectly(): Promise<void> {
    const document = this.dice.pick(DOCUMENTS);
    this.#directlyEdited.add(document);
    const title = this.dice.chance(0.7) ? `direct ${this.#directEdits++}` : null;
    this.world.time.note(() => `  the server sets ${document} to ${title ?? "nothing"}`);
    await this.world.server.editDirectly(document, title);
  }

  async prune(): Promise<void> {
    this.world.time.note(() => "  the server forgets what was removed");
    this.#hasForgotten = true;
    await this.world.server.prune();
  }

  /** Takes note of what all pages say, and of what their disks look like. */
  listen() {
    for (const device of this.devices) {
      for (const tab of device.tabs) this.ledger.listen(tab);
      if (!this.dice.chance(0.1)) continue;
      const images = this.#images.get(device) ?? [];
      this.#images.set(device, [...images, device.disk.image].slice(-MAX_IMAGES));
    }
  }

  /**
   * Everything works again from now on; what then remains wrong is a failure. A page that stands still
   * stays so at first: the others have to do without it (C9).
   */
  async heal(): Promise<void> {
    const { world } = this;
    world.time.note(() => "everything works again");
    Object.assign(world.faults, NO_FAULTS);
    await world.server.setMoods({ strict: false, buggy: false });
    world.server.unreadable.clear();
    for (const device of this.devices) this.#repair(device);
    await this.#settle();
    if (this.pages.length < this.devices.flatMap(({ tabs }) => tabs).length) {
      for (const { tabs } of this.devices) for (const tab of tabs) if (tab.isFrozen) tab.thaw();
      await this.#settle();
    }
    // What comes late is news like any other; nobody may be left without it.
    await world.time.advance(Math.max(0, world.lastDuplicate - world.time.now));
    await this.#settle();
    // What was changed behind our back is found when someone next changes the document; that the disk
    // is gone, or works again, when someone next uses it.
    const doubtful = this.pages.filter((tab) => storageProblem(tab) !== null);
    if (this.#directlyEdited.size + this.#evicted.size + doubtful.length === 0) return;
    for (const tab of doubtful) this.users.edit(tab, "a", "plain");
    for (const document of this.#directlyEdited) {
      this.users.edit(this.someTab(), document, "plain");
    }
    for (const device of this.#evicted) this.users.edit(this.someTab(device), "a", "plain");
    await this.#settle();
  }

  /** Pages that do not stand still. */
  get pages(): Tab[] {
    return this.devices.flatMap(({ tabs }) => tabs).filter(({ isFrozen }) => !isFrozen);
  }

  #repair(device: Device) {
    device.disk.isFull = false;
    device.online = true;
    if (device.tabs.every(({ isFrozen }) => isFrozen)) device.open();
    for (const tab of device.tabs) {
      tab.disarm();
      if (!tab.isFrozen) tab.setVisible(true);
      tab.connection.reset();
    }
  }

  /** What is wrong now that everything should have arrived. */
  async check(): Promise<void> {
    const { server } = this.world;
    const truth = await server.truth();
    const logs = await logState(server, DOCUMENTS);
    this.listen();
    for (const device of this.devices) {
      for (const tab of device.tabs)
        this.#fail(statusProblem(tab) ?? storageProblem(tab) ?? rowsProblem(tab, truth));
      this.#fail(basesProblem(device, logs, DOCUMENTS));
    }
    this.ledger.excuseLateBytes(truth.effects, server.refused);
    this.#fail(historyProblem(this.ledger, truth));
    await this.#checkDisks();
    // Nothing that was removed is kept from coming again once nobody remembers it.
    if (!this.#hasForgotten) await this.#checkReplay();
  }

  /** A page that opens without a network shows from disk what was in memory (C7, C8). */
  async #checkDisks() {
    const truth = await this.world.server.truth();
    const pages = this.devices.map((device) => {
      for (const tab of [...device.tabs]) this.crash(tab);
      device.online = false;
      return device.open();
    });
    await this.world.time.advance(SETTLE_MS);
    for (const tab of pages) this.#fail(rowsProblem(tab, truth));
  }

  /** What the server has accepted once changes nothing when it comes again (S4). */
  async #checkReplay() {
    const { server } = this.world;
    const before = server.logged;
    for (const { change, sender } of [...server.accepted]) {
      await server.push([change], sender, "someone");
    }
    if (server.logged > before) this.#fail("a change that came again was logged again");
  }

  /** Waits until nothing is under way any more, for as long as it may take at most. */
  async #settle(): Promise<void> {
    const { time } = this.world;
    const began = time.now;
    // Twice in a row: what the last change of one page sets off elsewhere may still be on its way.
    let calm = 0;
    while (calm < 2 && time.now - began < HEAL_MS) {
      await time.advance(SETTLE_MS);
      calm = this.pages.every((tab) => statusProblem(tab) === null) ? calm + 1 : 0;
    }
    this.healedAfter = Math.max(this.healedAfter, time.now - began);
    for (const tab of this.pages) this.#fail(statusProblem(tab));
  }

  #fail(problem: string | null) {
    this.problem ??= problem;
  }
}
