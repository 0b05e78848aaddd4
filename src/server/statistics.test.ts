import { componentsGeneric } from "convex/server";
import { ConvexError } from "convex/values";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { Replicate } from "./index.js";
import {
  accepted,
  api,
  Device,
  newApp,
  push,
  rejected,
  streamAll,
  taskFields,
  type App,
} from "./setup.test.js";

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

async function fold(app: App) {
  await app.mutation((ctx) => ctx.runMutation(component.statistics.fold, {}));
  await app.finishAllScheduledFunctions(vi.runAllTimers);
  return app.query(api.tasks.statistics, {});
}

/** What the log really holds. */
async function held(app: App, documents: number) {
  const all = await streamAll(app);
  const bytes = all.reduce((total, entry) => total + entry.bytes.byteLength, 0);
  return { documents, entries: all.length, bytes };
}

it("tell what pushes left", async () => {
  const app = newApp();
  const device = new Device(7);
  await push(app, device.insert("a", { title: "a" }), device.insert("b", { title: "b" }));
  expect(await app.query(api.tasks.statistics, {})).toBeNull();
  expect(await fold(app)).toEqual({ ...(await held(app, 2)), asOf: Date.now() });
  await push(app, device.update("a", { title: "new" }), device.remove("b"));
  expect(await fold(app)).toMatchObject(await held(app, 1));
  await push(app, device.insert("b", { title: "again" }));
  expect(await fold(app)).toMatchObject(await held(app, 2));
});

it("are the same for functions of the app", async () => {
  const app = newApp();
  await push(app, new Device(7).insert("a", { title: "a" }));
  const told = await fold(app);
  const tasks = new Replicate(component, "tasks", { fields: taskFields });
  expect(told).toMatchObject({ documents: 1 });
  expect(await app.query((ctx) => tasks.statistics(ctx))).toEqual(told);
});

it("know nothing of what was refused, undone or had nothing new", async () => {
  const app = newApp({
    onInsert: (_ctx, { id }) => {
      if (id === "bad") throw new Error("no");
    },
  });
  const device = new Device(7);
  const first = device.insert("a", { title: "a" });
  await push(app, first);
  const told = await fold(app);
  expect(await push(app, first)).toEqual([accepted]);
  expect(await push(app, device.insert("c", { title: 5 }))).toEqual([rejected("INVALID_ROW")]);
  await expect(push(app, device.insert("bad", { title: "b" }))).rejects.toThrow("no");
  expect(await fold(app)).toEqual(told);
});

it("follow the table when it is edited directly", async () => {
  const app = newApp();
  const device = new Device(7);
  await push(app, device.insert("gone", { title: "a" }), device.insert("kept", { title: "b" }));
  await fold(app);
  await app.run(async (ctx) => {
    for (const row of await ctx.db.query("tasks").collect()) {
      if (row.id === "gone") await ctx.db.delete("tasks", row._id);
    }
    await ctx.db.insert("tasks", { id: "new", title: "made here", version: 1, timestamp: 0 });
  });
  // Each comes to light with the next change of its document.
  const newcomer = new Device(8);
  await push(app, device.update("gone", { title: "?" }), newcomer.insert("new", { title: "mine" }));
  expect(await fold(app)).toMatchObject(await held(app, 2));
  await app.mutation((ctx) =>
    ctx.runMutation(component.statistics.verify, { collection: "tasks" }),
  );
  await app.finishAllScheduledFunctions(vi.runAllTimers);
  const count = await app.query((ctx) =>
    ctx.runQuery(component.statistics.lastCount, { collection: "tasks" }),
  );
  expect(count).toMatchObject({ drifts: [], failure: null });
});

it("are told to nobody who may not read", async () => {
  const app = newApp({
    evalRead: () => {
      throw new ConvexError("Members only.");
    },
  });
  await expect(app.query(api.tasks.statistics, {})).rejects.toThrow("Members only.");
});
