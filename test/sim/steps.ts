import type { Run } from "./run.js";

export type Step = {
  /** How often it is chosen. */
  weight: number;
  /** Not among the default steps: only done when it is asked for. */
  isOptional?: true;
  run: (run: Run) => void | Promise<void>;
};

/** How many of the points at which a page waits for something an armed fault lets pass, at most. */
const MAX_POINTS = 40;

const MAX_TABS = 3;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Everything that users, browsers, networks and servers do, by name. */
export const STEPS = {
  edit: { weight: 30, run: (run) => run.users.edit(run.someTab()) },
  /** Several documents in one go, which will share a push. */
  editMany: {
    weight: 4,
    run: (run) => {
      const tab = run.someTab();
      for (let n = 0; n < 4; n++) run.users.edit(tab);
    },
  },
  remove: { weight: 5, run: (run) => run.users.remove(run.someTab()) },
  decide: { weight: 4, run: (run) => run.users.decide(run.someTab()) },
  flush: {
    weight: 2,
    run: (run) =>
      void run
        .someTab()
        .engine.flush()
        .catch(() => undefined),
  },

  wait: { weight: 8, run: (run) => run.world.time.advance(run.dice.between(0, 5_000)) },
  waitLong: { weight: 2, run: (run) => run.world.time.advance(run.dice.between(0, 2 * MINUTE_MS)) },

  network: {
    weight: 7,
    run: (run) => {
      const device = run.someDevice();
      device.setOnline(!device.online);
    },
  },
  reconnect: { weight: 2, run: (run) => run.someTab().connection.reset() },

  openTab: {
    weight: 4,
    run: (run) => {
      const device = run.someDevice();
      if (device.tabs.length < MAX_TABS) device.open();
    },
  },
  crash: { weight: 4, run: (run) => run.crash(run.someTab()) },
  reload: { weight: 4, run: (run) => run.reload(run.someTab()) },
  restart: { weight: 2, run: (run) => run.someTab().restart() },
  look: {
    weight: 3,
    run: (run) => {
      const tab = run.someTab();
      if (!tab.isFrozen) tab.setVisible(!tab.isVisible);
    },
  },
  killLeader: {
    weight: 3,
    run: (run) => {
      const leader = run.someDevice().locks.holder;
      if (leader) run.crash(leader);
    },
  },
  freeze: {
    weight: 2,
    run: (run) => {
      const device = run.someDevice();
      (device.locks.holder ?? run.someTab(device)).freeze();
    },
  },
  thaw: {
    weight: 4,
    run: (run) => {
      for (const { tabs } of run.devices) for (const tab of tabs) if (tab.isFrozen) tab.thaw();
    },
  },
  /** Something goes wrong between two steps of whatever a page is doing by then. */
  strike: {
    weight: 12,
    run: (run) => {
      const tab = run.someTab();
      const { device } = tab;
      const fault = run.dice.pick(run.strikes);
      const strikes = {
        crash: () => run.crash(tab),
        reload: () => run.reload(tab),
        freeze: () => tab.freeze(),
        network: () => device.setOnline(!device.online),
        reconnect: () => tab.connection.reset(),
        evict: () => run.evict(device),
        directEdit: () => run.editDirectly(),
        damage: () => run.damage(device),
      };
      if (fault) tab.arm(Math.floor(run.dice.random() * MAX_POINTS), strikes[fault]);
    },
  },

  moods: {
    weight: 6,
    run: ({ dice, world }) =>
      world.server.setMoods({ strict: dice.chance(0.5), buggy: dice.chance(0.3) }),
  },
  directEdit: { weight: 3, run: (run) => run.editDirectly() },

  diskFull: {
    weight: 2,
    run: (run) => {
      const { disk } = run.someDevice();
      disk.isFull = !disk.isFull;
    },
  },
  evict: { weight: 1, run: (run) => run.evict(run.someDevice()) },
  /** A bit on a disk flips. */
  damage: { weight: 2, run: (run) => run.damage(run.someDevice()) },
  /** Of one document the server cannot say what it is, for a while. */
  unreadable: { weight: 2, run: (run) => run.toggleUnreadable() },
  clock: {
    weight: 1,
    run: (run) => void (run.someDevice().skew += run.dice.between(-DAY_MS, DAY_MS)),
  },
  /** What was removed is forgotten, and whoever has not heard of it has to begin anew. */
  prune: { weight: 3, isOptional: true, run: (run) => run.prune() },
  /** A disk is put back to what it once was, as a restored backup or a crashed machine does. */
  rollBack: { weight: 2, isOptional: true, run: (run) => run.rollBack(run.someDevice()) },
  /** A whole profile is copied to another device. */
  clone: { weight: 2, isOptional: true, run: (run) => run.clone(run.someDevice()) },
} satisfies Record<string, Step>;

export type StepName = keyof typeof STEPS;

/** What an armed fault can be: these steps, in the middle of something. */
export const STRIKES = [
  "crash",
  "reload",
  "freeze",
  "network",
  "reconnect",
  "evict",
  "directEdit",
  "damage",
] as const satisfies StepName[];
export type Strike = (typeof STRIKES)[number];
