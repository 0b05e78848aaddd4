import { Workpool } from "@convex-dev/workpool";
import workpool from "@convex-dev/workpool/test";
import { convexTest } from "convex-test";
import {
  actionGeneric,
  anyApi,
  componentsGeneric,
  defineSchema,
  mutationGeneric,
  type ApiFromModules,
} from "convex/server";
import { v } from "convex/values";
import { expect, it, vi } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { register } from "../test.js";
import { importRows } from "./import.js";
import { Replicate, replicatedTable, type ImportFunction, type ImportOptions } from "./index.js";
import {
  accepted,
  Device,
  expectEverywhere,
  push,
  schema as tasksSchema,
  stored,
  storedRow,
  streamAll,
  taskFields,
  type App,
  type Task,
  type TaskHooks,
} from "./setup.test.js";

type Given = Omit<ImportOptions<Task>, "rows"> & { rows: unknown[] };

/** The function that an app's module exports, and two ways to call an import. */
function tasksModule(hooks: TaskHooks) {
  const { replicate, workpool } = componentsGeneric() as unknown as {
    replicate: ComponentApi;
    workpool: Workpool["component"];
  };
  const tasks = new Replicate(replicate, "tasks", { fields: taskFields, ...hooks });
  const importBatch = anyApi["tasks"]!["importBatch"] as unknown as ImportFunction;
  const args = { given: v.any() };
  return {
    ...tasks.functions(),
    importBatch: tasks.createImportMutation(
      new Workpool(workpool, { maxParallelism: 4, logLevel: "ERROR" }),
    ),
    seed: actionGeneric({
      args,
      handler: (ctx, { given }) => tasks.importDocuments(ctx, importBatch, given as never),
    }),
    seedAtOnce: mutationGeneric({
      args,
      handler: (ctx, { given }) => tasks.importDocuments(ctx, importBatch, given as never),
    }),
    progress: mutationGeneric({
      args: { name: v.string() },
      handler: (ctx, { name }) => tasks.importStatus(ctx, name),
    }),
  };
}
const api = anyApi as unknown as ApiFromModules<{ tasks: ReturnType<typeof tasksModule> }>;

/** An app with an import; its table may ask for a column that the fields do not have. */
function newApp(hooks: TaskHooks = {}, schema: typeof tasksSchema = tasksSchema): App {
  const t = convexTest({
    schema,
    modules: {
      "./_generated/api.ts": () => Promise.resolve({}),
      "./tasks.ts": () => Promise.resolve(tasksModule(hooks)),
    },
    transactionLimits: true,
  });
  register(t as unknown as Parameters<typeof register>[0]);
  workpool.register(t as unknown as Parameters<typeof register>[0]);
  return t;
}

async function start(app: App, given: Given) {
  return app.action(api.tasks.seed, { given });
}

/** The pool's own clockwork goes on for seconds after the last row. */
async function finish(app: App, name = "seed") {
  await vi.waitUntil(async () => (await progress(app, name)).waiting === 0, {
    timeout: 30_000,
    interval: 20,
  });
}

const progress = (app: App, name = "seed") => app.mutation(api.tasks.progress, { name });

/** Imports rows to the end, and returns how far the import is then. */
async function run(app: App, rows: unknown[], options: Partial<Given> = {}) {
  const given = { name: "seed", ...options, rows };
  await start(app, given);
  await finish(app, given.name);
  return progress(app, given.name);
}

const none = { waiting: 0, inserted: 0, replaced: 0, kept: 0, failed: 0, failures: [] };
const rowsNamed = (count: number, title = "Task") =>
  Array.from({ length: count }, (_, n) => ({ id: `task-${n}`, title: `${title} ${n}` }));
const logLength = async (app: App) => (await streamAll(app)).length;

it("brings rows into the table and the log, one entry each", async () => {
  const app = newApp();
  const rows = [
    { id: "a", title: "one", details: { due: "2026-12-24" }, votes: { ann: 1 } },
    { id: "b", title: "two", data: { deep: [[[["down"]]]] } },
    { id: "c", title: "three", data: 2n ** 60n },
  ];
  expect(await start(app, { name: "seed", rows })).toEqual({ queued: 3, failures: [] });
  expect(await progress(app)).toEqual({ ...none, waiting: 3 });
  await finish(app);
  expect(await progress(app)).toEqual({ ...none, inserted: 3 });
  for (const { id, ...row } of rows) await expectEverywhere(app, id, row as never);
  expect(await logLength(app)).toBe(3);
  expect(await stored(app, "a")).toMatchObject({
    version: 1,
    timestamp: expect.any(Number) as number,
  });
});

it("imports more rows than one transaction takes, from an action or a mutation", async () => {
  for (const seed of [api.tasks.seed, api.tasks.seedAtOnce] as const) {
    const app = newApp();
    const given = { name: "seed", rows: rowsNamed(450) };
    if (seed === api.tasks.seed) await app.action(api.tasks.seed, { given });
    else await app.mutation(api.tasks.seedAtOnce, { given });
    await finish(app);
    expect(await progress(app)).toEqual({ ...none, inserted: 450 });
    expect(await logLength(app)).toBe(450);
  }
});

it("takes large rows apart into batches that Convex can write", async () => {
  const app = newApp();
  const rows = [1, 2, 3, 4].map((n) => ({ id: `${n}`, title: "x".repeat(n * 250_000) }));
  expect(await run(app, rows)).toEqual({ ...none, inserted: 4 });
  expect((await storedRow(app, "4"))!["title"]).toHaveLength(1_000_000);
});

it("asks no hook", async () => {
  const hook = vi.fn(() => {
    throw new Error("asked");
  });
  const hooks = { evalWrite: hook, onInsert: hook, onUpdate: hook };
  const app = newApp(hooks);
  expect(await run(app, rowsNamed(2))).toMatchObject({ inserted: 2 });
  expect(await run(app, rowsNamed(2, "New"), { existing: "replace" })).toMatchObject({
    replaced: 2,
  });
  expect(hook).not.toHaveBeenCalled();
});

it("reports rows that are wrong, and imports the others", async () => {
  const app = newApp();
  const rows = [
    { id: "good", title: "fine" },
    { id: "typo", titel: "no such field" },
    { id: "half" },
    { id: "", title: "no id" },
    { id: "good", title: "twice" },
    "no row at all",
    { id: "large", title: "x".repeat(1_100_000) },
    { id: "better", title: "fine" },
  ];
  const problems = [
    { id: "typo", code: "INVALID_ROW", message: expect.stringContaining("titel") as string },
    { id: "half", code: "INVALID_ROW", message: expect.stringContaining("title") as string },
    { id: "", code: "INVALID_ID", message: expect.stringContaining("row at index 3") as string },
    { id: "good", code: "INVALID_ROW", message: "Another row of the same call has this id." },
    { id: "", code: "INVALID_ID", message: expect.stringContaining("row at index 5") as string },
    { id: "large", code: "ROW_TOO_LARGE", message: expect.any(String) as string },
  ];
  expect(await start(app, { name: "seed", rows })).toEqual({ queued: 2, failures: problems });
  await finish(app);
  const status = await progress(app);
  expect(status).toMatchObject({ waiting: 0, inserted: 2, failed: 6 });
  expect(status.failures).toEqual(expect.arrayContaining(problems));
  expect(await storedRow(app, "good")).toEqual({ title: "fine" });
});

it.each([
  ["\ud800", "one with half a surrogate pair"],
  ["x".repeat(129), "one of 129"],
  [undefined, "undefined"],
])("says what is wrong with the name %j", async (name, got) => {
  const importing = importRows({} as never, {} as never, {} as never, { name: name!, rows: [] });
  await expect(importing).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: `The \`name\` of an import is a string of 1 to 128 characters, but got ${got}.`,
  });
});

it("changes nothing when it is called again", async () => {
  const app = newApp();
  const first = await run(app, rowsNamed(500));
  const version = (await stored(app, "task-7"))!.version;
  expect(await run(app, rowsNamed(500))).toEqual(first);
  expect(await logLength(app)).toBe(500);
  expect((await stored(app, "task-7"))!.version).toBe(version);
});

it("keeps what is there, whoever made it, and what was removed stays removed", async () => {
  const app = newApp();
  const device = new Device(7);
  await push(
    app,
    device.insert("task-0", { title: "mine" }),
    device.insert("task-1", { title: "gone" }),
  );
  await push(app, device.remove("task-1"));
  await app.run((ctx) =>
    ctx.db.insert("tasks", { id: "task-2", title: "direct", version: 1, timestamp: 0 }),
  );
  expect(await run(app, rowsNamed(4))).toEqual({ ...none, kept: 3, inserted: 1 });
  await expectEverywhere(app, "task-0", { title: "mine" });
  await expectEverywhere(app, "task-1", null);
  expect(await storedRow(app, "task-2")).toEqual({ title: "direct" });
  await expectEverywhere(app, "task-3", { title: "Task 3" });
});

it("replaces what is there when told to, field by field, and private columns stay", async () => {
  const app = newApp();
  const device = new Device(7);
  await push(
    app,
    device.insert("task-0", { title: "old", done: true }),
    device.insert("task-1", { title: "gone" }),
  );
  await push(app, device.remove("task-1"));
  const { _id } = (await stored(app, "task-0"))!;
  await app.run((ctx) => ctx.db.patch("tasks", _id, { secret: "s" }));
  const imported = await run(app, rowsNamed(3), { existing: "replace" });
  expect(imported).toEqual({ ...none, replaced: 1, inserted: 2 });
  for (const n of [0, 1, 2]) await expectEverywhere(app, `task-${n}`, { title: `Task ${n}` });
  expect(await stored(app, "task-0")).toMatchObject({ secret: "s", version: 2 });
  expect(await run(app, rowsNamed(3), { name: "other", existing: "replace" })).toEqual({
    ...none,
    kept: 3,
  });
});

it("brings what server code wrote to everyone, also where the row is as the table has it", async () => {
  const app = newApp();
  await push(app, new Device(7).insert("task-0", { title: "old" }));
  const { _id } = (await stored(app, "task-0"))!;
  await app.run(async (ctx) => {
    await ctx.db.patch("tasks", _id, { title: "Task 0" });
    await ctx.db.insert("tasks", { id: "task-1", title: "Task 1", version: 1, timestamp: 0 });
  });
  await run(app, rowsNamed(2), { existing: "replace" });
  for (const n of [0, 1]) await expectEverywhere(app, `task-${n}`, { title: `Task ${n}` });
  const entries = await streamAll(app);
  await run(app, rowsNamed(2), { existing: "replace" });
  expect(await streamAll(app)).toEqual(entries);
});

it("never undoes an edit that was made since, however its rows come again", async () => {
  const app = newApp();
  const rows = rowsNamed(300);
  await run(app, rows, { existing: "replace" });
  const device = new Device(7);
  await device.pull(app);
  expect(await push(app, device.update("task-5", { title: "edited" }))).toEqual([accepted]);
  expect(await push(app, device.remove("task-6"))).toEqual([accepted]);
  // In other batches, so that only the rows themselves tell what was done.
  const again = [...rows].reverse().map((row) => ({ title: row.title, id: row.id }));
  again.push({ id: "new", title: "new" });
  expect(await run(app, again, { existing: "replace" })).toMatchObject({
    kept: 300,
    inserted: 301,
  });
  await expectEverywhere(app, "task-5", { title: "edited" });
  await expectEverywhere(app, "task-6", null);
  // A row that holds something else is a new one.
  const changed = [{ id: "task-5", title: "imported again" }];
  expect(await run(app, changed, { existing: "replace" })).toMatchObject({ replaced: 1 });
  await expectEverywhere(app, "task-5", { title: "imported again" });
});

it("merges with edits that clients made meanwhile", async () => {
  const app = newApp();
  await push(app, new Device(8).insert("a", { title: "old", votes: { ann: 1 } }));
  const device = new Device(7);
  await device.pull(app);
  const offline = device.update("a", { votes: { ann: 1, bob: 2 } });
  await run(app, [{ id: "a", title: "new", votes: { ann: 1 } }], { existing: "replace" });
  expect(await push(app, offline)).toEqual([accepted]);
  await expectEverywhere(app, "a", { title: "new", votes: { ann: 1, bob: 2 } });
});

it("says what the app's schema refuses, and takes it once the schema does", async () => {
  const strict = defineSchema({
    ...tasksSchema.tables,
    tasks: replicatedTable({ ...taskFields, title: v.union(v.literal("Task 1"), v.literal("ok")) }),
  }) as unknown as typeof tasksSchema;
  const app = newApp({}, strict);
  const refused = await run(app, rowsNamed(3));
  expect(refused).toMatchObject({ waiting: 0, inserted: 1, failed: 2 });
  expect(refused.failures.map(({ id, code }) => [id, code])).toEqual([
    ["task-0", "INVALID_ROW"],
    ["task-2", "INVALID_ROW"],
  ]);
  await expectEverywhere(app, "task-1", { title: "Task 1" });
  expect(await logLength(app)).toBe(1);
  // The same rows again: what failed is tried once more. Mended, it counts as imported.
  expect(await run(app, rowsNamed(3))).toMatchObject({ inserted: 1, failed: 2 });
  const mended = [{ id: "task-0", title: "ok" }];
  expect(await run(app, mended)).toMatchObject({ inserted: 2, failed: 1 });
  expect((await progress(app)).failures.map(({ id }) => id)).toEqual(["task-2"]);
});
