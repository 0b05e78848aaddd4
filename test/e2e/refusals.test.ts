import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";

/** The server of the example takes 120 characters (`evalWrite` in example/convex/tasks.ts). */
const LONG_TITLE = "very ".repeat(30) + "long";
const REASON = "A title can have 120 characters";

it("goes back to what the server has when an edit is refused, and forgets it when told to", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Short and sweet");
  await b.task("Short and sweet").waitFor();

  await a.rename("Short and sweet", LONG_TITLE);
  await a.refused(REASON);
  await a.task("Short and sweet").waitFor();
  await a.synced();
  expect(await app.rows()).toMatchObject([{ title: "Short and sweet" }]);

  await a.page.getByTestId("refused-discard").click();
  await a.page.getByTestId("refused").waitFor({ state: "detached" });
  await a.reload();
  await a.synced();
  expect(await a.titles()).toEqual(["Short and sweet"]);
  expect(await a.page.getByTestId("refused").count()).toBe(0);
  expect(await b.titles()).toEqual(["Short and sweet"]);
});

it("keeps a refused change through a reload, and asks again when told to", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  await board.submit(LONG_TITLE);
  await board.refused(REASON);
  await board.task(LONG_TITLE).waitFor({ state: "detached" });

  await board.reload();
  await board.refused(REASON);
  const before = app.pushes;
  await board.page.getByTestId("refused-retry").click();
  await expect.poll(() => app.pushes).toBe(before + 1);
  await board.refused(REASON);
  expect(await app.rows()).toEqual([]);
});

it("holds up nothing else: other changes go through, also of the same task", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  await board.add("Fix the gate");
  await board.synced();

  await board.goOffline();
  await board.rename("Fix the gate", LONG_TITLE);
  await board.vote(LONG_TITLE);
  await board.add("Mow the lawn");
  await board.goOnline();

  await board.refused(REASON);
  await board.synced();
  expect(await board.votes("Fix the gate")).toBe(1);
  const rows = await app.rows();
  expect(rows.map(({ title, votes }) => [title, votes]).sort()).toEqual([
    ["Fix the gate", 1],
    ["Mow the lawn", 0],
  ]);
});
