import { expect, it, vi } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually, type Board } from "./harness/board.js";
import type { Device } from "./harness/device.js";

it("shows the other tab's edits, online and offline", async () => {
  const app = await startApp();
  const device = await app.device();
  const first = await device.openTab();
  await first.synced();
  const second = await device.openTab();
  await second.synced();

  await second.add("From the second tab");
  await first.task("From the second tab").waitFor();
  await Promise.all([first.synced(), second.synced()]);

  await first.goOffline();
  await first.add("Offline in the first");
  await second.task("Offline in the first").waitFor();
  await second.vote("Offline in the first");
  await eventually(async () => expect(await first.votes("Offline in the first")).toBe(1));
  for (const board of [first, second]) {
    await eventually(async () =>
      expect(await board.sync()).toEqual({ phase: "offline", pending: 2 }),
    );
  }

  await second.goOnline();
  await Promise.all([first.synced(), second.synced()]);
  expect(await app.rows()).toMatchObject([
    { title: "From the second tab" },
    { title: "Offline in the first", votes: 1 },
  ]);
  expect(await app.version("Offline in the first")).toBe(1);
});

it("syncs through one tab only: two pages, one subscription, no push twice", async () => {
  const app = await startApp();
  const device = await app.device();
  const first = await device.openTab();
  await first.synced();
  app.faults.calls.reset();
  const second = await device.openTab();
  await second.synced();
  expect(app.faults.calls.get("tasks:stream")).toBe(0);

  await second.add("Once is enough");
  await Promise.all([first.synced(), second.synced()]);
  await second.vote("Once is enough");
  await eventually(async () => expect(await first.votes("Once is enough")).toBe(1));
  await Promise.all([first.synced(), second.synced()]);
  expect(app.pushes).toBe(2);
  expect(await app.version("Once is enough")).toBe(2);
});

it("shows a refused change in every tab, and lets any of them discard it", async () => {
  const app = await startApp();
  const device = await app.device();
  const first = await device.openTab();
  await first.synced();
  const second = await device.openTab();

  await second.add("x".repeat(121));
  await Promise.all([first.refused("A title can have"), second.refused("A title can have")]);
  await second.page.getByTestId("refused-discard").click();
  for (const { page } of [first, second]) {
    await page.getByTestId("refused").waitFor({ state: "detached" });
  }
  await Promise.all([first.synced(), second.synced()]);
  expect(await first.titles()).toEqual([]);
});

it("hands over when the tab that syncs is closed, with what was pending", async () => {
  const app = await startApp();
  const device = await app.device();
  const first = await device.openTab();
  await first.add("Sweep the yard");
  await first.synced();
  const second = await device.openTab();
  await second.synced();

  app.cutOff();
  await first.vote("Sweep the yard");
  await eventually(async () => expect(await second.votes("Sweep the yard")).toBe(1));
  await first.page.close();
  app.faults.calls.reset();
  await app.reconnect();

  await second.synced();
  expect(app.pushes).toBe(1);
  expect(await app.version("Sweep the yard")).toBe(2);
  const elsewhere = await (await app.device()).openTab();
  await eventually(async () => expect(await elsewhere.votes("Sweep the yard")).toBe(1));
  await elsewhere.vote("Sweep the yard");
  await eventually(async () => expect(await second.votes("Sweep the yard")).toBe(2));
});

it("hands over when the tab that syncs crashes in the middle of a push", async () => {
  const app = await startApp();
  const device = await app.device();
  const first = await device.openTab();
  await first.add("Empty the bin");
  await first.synced();
  const second = await device.openTab();
  await second.synced();

  app.faults.calls.reset();
  app.faults.delayNext({ path: "tasks:push", ms: 500 });
  await first.vote("Empty the bin");
  await eventually(() => expect(app.pushes).toBe(1));
  await first.crash();

  await second.synced();
  expect(await second.votes("Empty the bin")).toBe(1);
  expect(await app.rows()).toMatchObject([{ title: "Empty the bin", votes: 1 }]);
  expect(await app.version("Empty the bin")).toBe(2);
});

it("goes on when the tabs that sync crash one after the other, six of them at first", async () => {
  const app = await startApp();
  const device = await app.device();
  const tabs = await openTabs(device, 6);
  for (const [round, leader] of tabs.slice(0, 3).entries()) {
    await tabs[5]!.add(`Task ${round}`);
    await leader.crash();
    await tabs[5]!.synced();
  }
  expect(await app.rows()).toMatchObject([0, 1, 2].map((round) => ({ title: `Task ${round}` })));
  for (const round of [0, 1, 2]) expect(await app.version(`Task ${round}`)).toBe(1);
  await Promise.all(tabs.slice(3).map((tab) => tab.synced()));
  expect(await tabs[3]!.titles()).toEqual(await tabs[5]!.titles());
});

it("takes over from a frozen tab, which sends nothing twice once it thaws", async () => {
  const app = await startApp();
  const device = await app.device();
  const [leader, ...others] = await openTabs(device, 6);
  const thaw = await leader!.freeze();
  app.faults.calls.reset();
  await others[2]!.add("Water the plants");
  await inTurn(() => others[2]!.synced());
  expect(app.pushes).toBe(1);
  await others[4]!.vote("Water the plants");
  await others[4]!.synced();

  await thaw();
  await leader!.synced();
  await eventually(async () => expect(await leader!.votes("Water the plants")).toBe(1));
  await leader!.vote("Water the plants");
  await eventually(async () => expect(await others[0]!.votes("Water the plants")).toBe(2));
  await Promise.all([leader!, ...others].map((tab) => tab.synced()));
  expect(app.pushes).toBe(3);
  expect(await app.version("Water the plants")).toBe(3);
  expect(await app.rows()).toMatchObject([{ title: "Water the plants", votes: 2 }]);
});

it("syncs through the tab that is seen", async () => {
  const app = await startApp();
  const device = await app.device();
  const [hidden, seen] = await openTabs(device, 2);
  await hidden!.hide();
  const subscribed = app.faults.calls.get("tasks:protocol");
  // Only the tab that syncs asks the server anything.
  await inTurn(() => expect(app.faults.calls.get("tasks:protocol")).toBeGreaterThan(subscribed));
  const thaw = await hidden!.freeze();
  await seen!.add("Fetch the parcel");
  await seen!.synced();
  expect(await app.version("Fetch the parcel")).toBe(1);
  await thaw();
});

/** How long it may take until another tab has taken its turn, in ms: three asks, and some more. */
const TURN_MS = 60_000;

const inTurn = (check: () => unknown) => vi.waitFor(check, { timeout: TURN_MS, interval: 250 });

/** The first of them syncs. */
async function openTabs(device: Device, count: number): Promise<Board[]> {
  const tabs: Board[] = [];
  while (tabs.length < count) {
    const tab = await device.openTab();
    await tab.synced();
    tabs.push(tab);
  }
  return tabs;
}
