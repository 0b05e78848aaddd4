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
  app.reconnect();

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
