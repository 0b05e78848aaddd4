/// <reference types="vite/client" />
import { convexTest } from "convex-test";
import { register } from "convex-replicate/test";
import { expect, test } from "vitest";
import { api } from "./_generated/api.js";
import type { Status } from "./fields.js";
import schema from "./schema.js";

const modules = import.meta.glob("./**/*.*s");

function testBackend() {
  const t = convexTest(schema, modules);
  register(t);
  return t;
}

const row = (id: string, status: Status) => ({
  id,
  title: `Task ${id}`,
  status,
  priority: "none" as const,
  votes: 0,
  labels: [],
  position: 0,
  details: { notes: "" },
  createdAt: 0,
  version: 1,
  timestamp: 0,
});

test("counts the table's rows by status", async () => {
  const t = testBackend();
  await t.run(async ({ db }) => {
    await db.insert("tasks", row("a", "todo"));
    await db.insert("tasks", row("b", "todo"));
    await db.insert("tasks", row("c", "done"));
  });
  expect(await t.query(api.tasks.counts)).toMatchObject({ todo: 2, doing: 0, done: 1 });
});
