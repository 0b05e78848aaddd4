import { expect, it } from "vitest";
import { startApp, type App } from "./harness/app.js";
import { eventually } from "./harness/board.js";

/** A pause in a burst of changes after which they are sent. */
const BURST_PAUSE_MS = 250;

/** Long enough to do something about a push before it is answered, also on a busy machine. */
const HELD_MS = 1_000;

it("takes effect once when the answer to a push is lost", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  await board.add("Call the plumber");
  await board.synced();

  app.troubles.expectOutage();
  app.faults.failNext({ path: "tasks:push", when: "after" });
  await board.vote("Call the plumber");
  await board.synced();

  expect(await board.votes("Call the plumber")).toBe(1);
  expect(await app.rows()).toMatchObject([{ title: "Call the plumber", votes: 1 }]);
  expect(await app.version("Call the plumber")).toBe(2);
});

it("takes effect once when it is sent again after a reload, and undoes nothing made since", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Sharpen the saw");
  await b.task("Sharpen the saw").waitFor();
  await a.synced();

  await losingTheAnswer(app, () => a.vote("Sharpen the saw"));
  await eventually(async () => expect(await b.votes("Sharpen the saw")).toBe(1));
  await b.vote("Sharpen the saw");
  await b.synced();
  await a.reload();
  await eventually(async () => expect(await a.sync()).toEqual({ phase: "offline", pending: 1 }));
  // By the time it is sent again, what b did has arrived: a new edit would win over it.
  app.troubles.expect(/Injected fault/);
  app.faults.failNext({ path: "tasks:push", when: "before", count: 3 });
  await app.reconnect();

  await a.synced();
  for (const board of [a, b]) {
    await eventually(async () => expect(await board.votes("Sharpen the saw")).toBe(2));
  }
  expect(await app.version("Sharpen the saw")).toBe(3);
});

it("does not bring back a task that was removed before its insert is sent again", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();

  await losingTheAnswer(app, () => a.add("Return the books"));
  await b.task("Return the books").waitFor();
  await b.remove("Return the books");
  await b.synced();
  await a.reload();
  await eventually(async () => expect(await a.sync()).toEqual({ phase: "offline", pending: 1 }));
  await app.reconnect();

  await a.synced();
  await a.task("Return the books").waitFor({ state: "detached" });
  expect(await app.rows()).toEqual([]);
  expect(await b.titles()).toEqual([]);
  expect(await a.page.getByTestId("refused").count()).toBe(0);
});

it("goes on after the server failed, with nothing lost", async () => {
  const app = await startApp();
  app.troubles.expect(/Injected fault/);
  const board = await (await app.device()).openTab();
  await board.synced();

  app.faults.failNext({ path: "tasks:push", when: "before", count: 2 });
  await board.add("Charge the drill");
  await board.vote("Charge the drill");
  await board.synced();

  expect(await app.rows()).toMatchObject([{ title: "Charge the drill", votes: 1 }]);
});

it("lands 20 of 20 rapid clicks, in at most three pushes", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Buy a ladder");
  await b.task("Buy a ladder").waitFor();
  await a.synced();

  app.faults.calls.reset();
  const start = performance.now();
  await a.clickQuickly(a.task("Buy a ladder").getByTestId("task-vote"), 20);
  const took = performance.now() - start;
  expect(await a.votes("Buy a ladder")).toBe(20);
  await a.synced();

  // The first click goes alone, the others together; a machine that stalls makes pauses in between.
  const pauses = Math.floor(took / BURST_PAUSE_MS);
  expect(app.pushes).toBeLessThanOrEqual(2 + Math.max(1, pauses));
  await eventually(async () => expect(await b.votes("Buy a ladder")).toBe(20));
  expect(await app.rows()).toMatchObject([{ votes: 20 }]);
});

/**
 * Makes a change that takes effect while its author is cut off before the answer, until
 * `app.reconnect()`. Others keep the connections they have.
 */
async function losingTheAnswer(app: App, change: () => Promise<void>) {
  const before = app.pushes;
  app.troubles.expectOutage();
  app.faults.delayNext({ path: "tasks:push", ms: HELD_MS });
  app.faults.failNext({ path: "tasks:push", when: "after" });
  await change();
  await eventually(() => expect(app.pushes).toBe(before + 1));
  app.faults.refuseConnections();
}
