import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually } from "./harness/board.js";

it("keeps an offline edit through a reload, and pushes it once when the network returns", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  await board.add("Repair the bike");
  await board.synced();

  await board.goOffline();
  await board.vote("Repair the bike");
  await board.add("Pump the tyres");
  await board.reload();
  expect(await board.votes("Repair the bike")).toBe(1);
  await board.task("Pump the tyres").waitFor();
  await eventually(async () =>
    expect(await board.sync()).toEqual({ phase: "offline", pending: 2 }),
  );

  await board.goOnline();
  await board.synced();
  expect(await app.version("Repair the bike")).toBe(2);
  expect(await app.version("Pump the tyres")).toBe(1);
});

it("starts with neither the page's server nor the backend there", async () => {
  const app = await startApp();
  const device = await app.device();
  const board = await device.openTab();
  await board.add("Find the torch");
  await board.synced();
  await board.keptForOfflineStart();

  await app.stopBackend();
  await app.stopPage();
  await board.vote("Find the torch");
  await board.stored(1);
  await board.reload();
  expect(await board.votes("Find the torch")).toBe(1);
  await board.vote("Find the torch");
  await eventually(async () =>
    expect(await board.sync()).toEqual({ phase: "offline", pending: 2 }),
  );

  await app.startBackend();
  await board.synced();
  expect(await app.rows()).toMatchObject([{ title: "Find the torch", votes: 2 }]);
});

it("works before its backend was ever there, and syncs when it starts", async () => {
  const app = await startApp();
  await app.stopBackend();
  const board = await (await app.device()).openTab();
  await board.page.getByText("Nothing on this device yet").waitFor();
  await board.add("Write the first line");
  await eventually(async () =>
    expect(await board.sync()).toEqual({ phase: "offline", pending: 1 }),
  );

  await app.startBackend();
  await board.synced();
  expect(await app.rows()).toMatchObject([{ title: "Write the first line" }]);
});

it("catches up after a long time away, in both directions", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Was there before");
  await b.task("Was there before").waitFor();

  await b.goOffline();
  for (let n = 1; n <= 10; n++) {
    await a.add(`From a, ${n}`);
    await b.add(`From b, ${n}`);
  }
  await a.remove("Was there before");
  await a.synced();
  await b.goOnline();

  await b.synced();
  await eventually(async () => {
    const titles = (await a.titles()).sort();
    expect(titles).toHaveLength(20);
    expect((await b.titles()).sort()).toEqual(titles);
  });
  expect(await app.rows()).toHaveLength(20);
});
