import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually } from "./harness/board.js";

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

it("does not bring back a removed task when the answer to its insert was lost", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();

  app.troubles.expectOutage();
  app.faults.failNext({ path: "tasks:push", when: "after" });
  await a.add("Return the books");
  await b.task("Return the books").waitFor();
  await b.remove("Return the books");

  await a.task("Return the books").waitFor({ state: "detached" });
  await Promise.all([a.synced(), b.synced()]);
  expect(await app.rows()).toEqual([]);
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
  // Real clicks, as fast as the browser takes them, without a look at the page between two.
  await a.clickQuickly(a.task("Buy a ladder").getByTestId("task-vote"), 20);

  expect(await a.votes("Buy a ladder")).toBe(20);
  await a.synced();
  expect(app.pushes).toBeLessThanOrEqual(3);
  await eventually(async () => expect(await b.votes("Buy a ladder")).toBe(20));
  expect(await app.rows()).toMatchObject([{ votes: 20 }]);
});
