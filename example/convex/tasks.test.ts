/// <reference types="vite/client" />
import { convexTest } from "convex-test";
import { register } from "convex-replicate/test";
import { TestClient } from "convex-replicate/test-client";
import { expect, test } from "vitest";
import { seedTask } from "../src/seed/content.js";
import { api } from "./_generated/api.js";
import { taskFields, type Status, type Task } from "./fields.js";
import schema from "./schema.js";

const modules = import.meta.glob("./**/*.*s");

/** Enough for every kind of task to be among them. */
const SEEDED = 50;

function testBackend() {
  const t = convexTest(schema, modules);
  register(t);
  return { t, client: new TestClient(t, api.tasks, taskFields) };
}

const task = (id: string, status: Status = "todo"): Task => ({
  id,
  title: `Task ${id}`,
  status,
  priority: "none",
  votes: 0,
  labels: [],
  position: 0,
  details: { notes: "" },
  createdAt: 0,
});

test("counts the table's rows by status", async () => {
  const { t, client } = testBackend();
  await client.insert(task("a", "todo"));
  await client.insert(task("b", "todo"));
  await client.insert(task("c", "doing"));
  await client.update("c", (draft) => void (draft.status = "done"));
  expect(await t.query(api.tasks.counts)).toMatchObject({ todo: 2, doing: 0, done: 1 });
});

test("counts rows that were written on the server", async () => {
  const { t } = testBackend();
  await t.run(({ db }) => db.insert("tasks", { ...task("a"), version: 1, timestamp: 0 }));
  expect(await t.query(api.tasks.counts)).toMatchObject({ todo: 1 });
});

test("stops counting at its limit", async () => {
  const { t } = testBackend();
  const { limit } = await t.query(api.tasks.counts);
  await t.run(async ({ db }) => {
    for (let n = 0; n <= limit; n++) {
      await db.insert("tasks", { ...task(`${n}`), version: 1, timestamp: 0 });
    }
  });
  expect(await t.query(api.tasks.counts)).toEqual({ todo: limit, doing: 0, done: 0, limit });
});

test("refuses a title that is too long, and says how long it may be", async () => {
  const { t, client } = testBackend();
  const longest = "x".repeat(120);
  expect(await client.insert({ ...task("a"), title: longest })).toMatchObject({
    status: "accepted",
  });
  expect(await client.update("a", (draft) => void (draft.title += "y"))).toMatchObject({
    status: "rejected",
    code: "TITLE_TOO_LONG",
    message: "A title can have 120 characters; this one has 121.",
  });
  expect(await t.run(({ db }) => db.query("tasks").unique())).toMatchObject({ title: longest });
  expect(await client.remove("a")).toMatchObject({ status: "accepted" });
});

test("takes every task that the board seeds", async () => {
  const { t, client } = testBackend();
  const now = new Date();
  for (let n = 0; n < SEEDED; n++) {
    expect(await client.insert(seedTask(n, now))).toMatchObject({ status: "accepted" });
  }
  const paginationOpts = { numItems: SEEDED, cursor: null };
  const { page } = await t.query(api.tasks.material, { paginationOpts });
  expect(page.map(({ title }) => title).toSorted()).toEqual(
    Array.from({ length: SEEDED }, (_, n) => seedTask(n, now).title).toSorted(),
  );
});
