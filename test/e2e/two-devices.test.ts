import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually } from "./harness/board.js";

/** Changes that follow each other more closely than this are sent together. */
const BURST_GAP_MS = 500;

it("shows each other's inserts, edits and removals", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();

  await a.add("Water the plants");
  await b.task("Water the plants").waitFor();
  await b.rename("Water the plants", "Water the roses");
  await a.task("Water the roses").waitFor();
  await a.add("Cut the hedge", "doing");
  await b.task("Cut the hedge").waitFor();
  await a.remove("Water the roses");
  await b.task("Water the roses").waitFor({ state: "detached" });

  await a.synced();
  expect(await app.rows()).toMatchObject([{ title: "Cut the hedge", status: "doing" }]);
});

it("does so quickly", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  const took: number[] = [];
  for (let round = 1; round <= 5; round++) {
    const title = `Task ${round}`;
    const start = performance.now();
    await a.add(title);
    await b.task(title).waitFor();
    took.push(performance.now() - start);
    await a.page.waitForTimeout(BURST_GAP_MS);
  }
  took.sort((x, y) => x - y);
  // Told, not asserted: how fast it is depends on the machine.
  console.info(`From Enter to the other device: median ${took[2]!.toFixed()} ms`);
});

it("keeps both of two edits of different fields made offline, also within an object", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Book a room");
  await b.task("Book a room").waitFor();

  await Promise.all([a.goOffline(), b.goOffline()]);
  await a.fill("Book a room", "notes", "Ask for the quiet one.");
  await b.fill("Book a room", "assignee", "Mira Okafor");
  await a.rename("Book a room", "Book a large room");
  await b.vote("Book a room");
  await Promise.all([a.goOnline(), b.goOnline()]);

  for (const board of [a, b]) {
    await board.synced();
    await eventually(async () => expect(await board.votes("Book a large room")).toBe(1));
    await eventually(async () => {
      expect(await board.read("Book a large room", "notes")).toBe("Ask for the quiet one.");
      expect(await board.read("Book a large room", "assignee")).toBe("Mira Okafor");
    });
  }
  expect(await app.rows()).toMatchObject([
    {
      title: "Book a large room",
      votes: 1,
      details: { notes: "Ask for the quiet one.", assignee: "Mira Okafor" },
    },
  ]);
});

it("keeps a removed task removed when it was edited offline elsewhere, and says so", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Order paint");
  await b.task("Order paint").waitFor();

  await b.goOffline();
  await b.vote("Order paint");
  await a.remove("Order paint");
  await a.synced();
  await b.goOnline();

  await b.task("Order paint").waitFor({ state: "detached" });
  await b.refused("removed by someone else");
  expect(await a.titles()).toEqual([]);
  expect(await app.rows()).toEqual([]);

  await b.page.getByTestId("refused-discard").click();
  await b.page.getByTestId("refused").waitFor({ state: "detached" });
  await b.synced();
});

it("starts a task anew, on every device, when its removal is undone", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Sand the table");
  await a.vote("Sand the table");
  await b.task("Sand the table").waitFor();
  await a.synced();

  await b.goOffline();
  await b.vote("Sand the table");
  await a.remove("Sand the table");
  await a.synced();
  await a.undo();
  await a.synced();
  await b.goOnline();

  await b.refused("removed by someone else");
  for (const board of [a, b]) {
    await eventually(async () => expect(await board.votes("Sand the table")).toBe(1));
  }
  expect(await app.rows()).toMatchObject([{ title: "Sand the table", votes: 1 }]);
  expect(await app.version("Sand the table")).toBe(1);
});

it("goes on showing others' changes while its own is on its way", async () => {
  const app = await startApp();
  const [a, b] = await app.twoBoards();
  await a.add("Paint the door");
  await b.task("Paint the door").waitFor();
  await a.synced();

  app.faults.delayNext({ path: "tasks:push", ms: 4_000 });
  await a.vote("Paint the door");
  await eventually(() => expect(app.pushes).toBe(2));
  await b.add("Oil the hinges");
  await b.rename("Paint the door", "Paint the blue door");

  await a.task("Oil the hinges").waitFor();
  await a.task("Paint the blue door").waitFor();
  expect(await a.votes("Paint the blue door")).toBe(1);
  expect((await a.sync()).pending).toBe(1);
  await a.synced();
  await eventually(async () => expect(await b.votes("Paint the blue door")).toBe(1));
});
