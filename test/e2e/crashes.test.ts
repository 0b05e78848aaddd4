import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startApp, type App } from "./harness/app.js";
import { eventually, type Board } from "./harness/board.js";

it("keeps what was stored when the page dies", async () => {
  const app = await startApp();
  const device = await app.device();
  const board = await device.openTab();
  await leaveClickBehind(app, board);
  await board.crash();

  await findClickAgain(app, await device.openTab());
});

it("keeps what was stored when the whole browser dies", async () => {
  const app = await startApp();
  const folder = mkdtempSync(join(tmpdir(), "convex-replicate-profile-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const device = await app.deviceAt(folder);
  const board = await device.openTab();
  await leaveClickBehind(app, board);
  await board.crashBrowser();

  const restarted = await app.deviceAt(folder);
  await findClickAgain(app, await restarted.openTab());
});

/** A vote that is on disk, but cannot be sent. */
async function leaveClickBehind(app: App, board: Board) {
  await board.add("Feed the cat");
  await board.synced();
  app.cutOff();
  await board.vote("Feed the cat");
  await board.stored(1);
}

async function findClickAgain(app: App, board: Board) {
  await eventually(async () => expect(await board.votes("Feed the cat")).toBe(1));
  await eventually(async () =>
    expect(await board.sync()).toEqual({ phase: "offline", pending: 1 }),
  );
  await app.reconnect();
  await board.synced();
  expect(await app.version("Feed the cat")).toBe(2);
}
