import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually } from "./harness/board.js";

it("survives that the browser deletes its storage: what is unsent is sent, what is there loaded anew", async () => {
  const app = await startApp();
  const device = await app.device();
  const board = await device.openTab();
  await board.add("Paint the fence");
  await board.add("Oil the gate");
  await board.synced();

  app.cutOff();
  await board.vote("Paint the fence");
  await board.stored(1);
  await device.deleteStorage();
  await board.vote("Oil the gate");
  expect(await board.votes("Paint the fence")).toBe(1);
  await app.reconnect();

  await board.synced();
  await eventually(async () =>
    expect(await app.rows()).toMatchObject([
      { title: "Paint the fence", votes: 1 },
      { title: "Oil the gate", votes: 1 },
    ]),
  );
  await board.reload();
  await board.synced();
  expect((await board.titles()).sort()).toEqual(["Oil the gate", "Paint the fence"]);
  expect(await board.votes("Oil the gate")).toBe(1);
});

it.each(["that syncs", "that does not sync"])(
  "does so with two tabs, when the one %s is the first to notice",
  async (which) => {
    const app = await startApp();
    const device = await app.device();
    const leader = await device.openTab();
    for (const title of ["Sift the sand", "Mix the mortar", "Lay the bricks"]) {
      await leader.add(title);
      await leader.synced();
    }
    const follower = await device.openTab();
    await follower.synced();
    const all = await leader.titles();

    await device.deleteStorage();
    await (which === "that syncs" ? leader : follower).vote("Lay the bricks");
    const elsewhere = await (await app.device()).openTab();
    await eventually(async () => expect(await elsewhere.votes("Lay the bricks")).toBe(1));
    await elsewhere.add("Have a break");

    for (const board of [leader, follower]) {
      await board.task("Have a break").waitFor();
      await board.synced();
      expect(await board.titles()).toEqual(["Have a break", ...all]);
      expect(await board.votes("Lay the bricks")).toBe(1);
    }
  },
);
