// @vitest-environment node
import {
  actionGeneric,
  anyApi,
  cronJobs,
  defineSchema,
  defineTable,
  mutationGeneric,
  queryGeneric,
  type ApiFromModules,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v } from "convex/values";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { VirtualClock } from "./clock.js";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { noInterleaving } from "./interleaving.js";
import { ask, mutate } from "./testing.js";

const START = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
/** More than any mutation takes. */
const MICROTASKS = 1000;

const schema = defineSchema({ log: defineTable({ what: v.string(), at: v.number() }) });
type Model = DataModelFromSchemaDefinition<typeof schema>;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;
const query = queryGeneric as QueryBuilder<Model, "public">;

const base = {
  note: mutation({
    args: { what: v.string() },
    handler: async (ctx, { what }) =>
      void (await ctx.db.insert("log", { what, at: Date.now() - START })),
  }),
  noteAndThrow: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx.db.insert("log", { what: "never", at: 0 });
      throw new Error("broken");
    },
  }),
};
const own = (anyApi as unknown as ApiFromModules<{ main: typeof base }>).main;

const functions = {
  ...base,
  act: actionGeneric({
    args: { what: v.optional(v.string()) },
    handler: async (ctx, { what }): Promise<void> =>
      void (await ctx.runMutation(own.note, { what: what ?? "by action" })),
  }),
  later: mutation({
    args: { what: v.string(), ms: v.number() },
    handler: (ctx, { what, ms }) => ctx.scheduler.runAfter(ms, own.note, { what }),
  }),
  laterAt: mutation({
    args: { name: v.string(), args: v.optional(v.any()) },
    handler: (ctx, { name, args }) =>
      ctx.scheduler.runAt(START + MINUTE_MS, anyApi["main"]![name] as never, (args ?? {}) as never),
  }),
  laterAndThrow: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx.scheduler.runAfter(0, own.note, { what: "never" });
      throw new Error("rolled back");
    },
  }),
  placeholder: mutation({
    args: {},
    handler: async (ctx) =>
      void (await ctx.scheduler.runAfter(0, own.note, { what: ctx.db.vars.commitTs as never })),
  }),
  cancel: mutation({
    args: { id: v.id("_scheduled_functions") },
    handler: (ctx, { id }) => ctx.scheduler.cancel(id),
  }),
  states: query({
    args: {},
    handler: async (ctx) =>
      (await ctx.db.system.query("_scheduled_functions").collect()).map(({ state }) => state.kind),
  }),
  log: query({
    args: {},
    handler: async (ctx) =>
      (await ctx.db.query("log").collect()).map(({ what, at }) => `${what} ${at / MINUTE_MS}`),
  }),
};

interface Started {
  engine: Engine;
  advance: (ms: number) => Promise<void>;
  errors: string[];
}

async function start(
  modules: Record<string, object> = {},
  options: EngineOptions & { dataFolder?: string } = {},
): Promise<Started> {
  const clock = new VirtualClock(START);
  const errors: string[] = [];
  const app = inlineApp({ schema, modules: { main: functions, ...modules } });
  const engine = await createEngine(app, {
    clock,
    onError: (path) => errors.push(path),
    ...options,
  });
  onTestFinished(() => engine.close());
  await engine.open(options.dataFolder ?? null);
  return {
    engine,
    errors,
    advance: (ms) => clock.advanceTo(clock.now() + ms, () => engine.settle()),
  };
}

describe("scheduled functions", () => {
  it("run when their time has come, in its order", async () => {
    const { engine, advance } = await start();
    await mutate(engine, "main:later", { what: "second", ms: 2 * MINUTE_MS });
    await mutate(engine, "main:later", { what: "first", ms: MINUTE_MS });
    expect(await ask(engine, "main:log")).toEqual([]);
    await advance(MINUTE_MS);
    expect(await ask(engine, "main:log")).toEqual(["first 1"]);
    await advance(MINUTE_MS);
    expect(await ask(engine, "main:log")).toEqual(["first 1", "second 2"]);
    expect(await ask(engine, "main:states")).toEqual(["success", "success"]);
  });

  it("may be actions", async () => {
    const { engine, advance } = await start();
    await mutate(engine, "main:laterAt", { name: "act" });
    await advance(MINUTE_MS);
    expect(await ask(engine, "main:log")).toEqual(["by action 1"]);
    expect(await ask(engine, "main:states")).toEqual(["success"]);
  });

  it("that throw leave nothing but the note that they failed", async () => {
    const { engine, advance, errors } = await start();
    await mutate(engine, "main:laterAt", { name: "noteAndThrow" });
    await advance(MINUTE_MS);
    expect(await ask(engine, "main:log")).toEqual([]);
    expect(await ask(engine, "main:states")).toEqual(["failed"]);
    expect(errors).toEqual(["main:noteAndThrow"]);
  });

  it("do not run when they are cancelled, or when who scheduled them threw", async () => {
    const { engine, advance } = await start();
    const id = await mutate(engine, "main:later", { what: "never", ms: MINUTE_MS });
    await mutate(engine, "main:cancel", { id });
    await expect(mutate(engine, "main:laterAndThrow")).rejects.toThrow("rolled back");
    await advance(MINUTE_MS);
    expect(await ask(engine, "main:log")).toEqual([]);
    expect(await ask(engine, "main:states")).toEqual(["canceled"]);
  });

  it.each(["act", "note"])(
    "do not run while their cancellation is being written to the disk (%s)",
    async (name) => {
      const dataFolder = join(mkdtempSync(join(tmpdir(), "engine-")), "data");
      onTestFinished(() => rmSync(join(dataFolder, ".."), { recursive: true }));
      // Nothing but the disk takes turns of the event loop: the cancellation has committed, and
      // cannot be published, when the job's time comes.
      const options = { dataFolder, interleaving: noInterleaving(), random: () => 0 };
      const { engine, advance } = await start({}, options);
      const id = await mutate(engine, "main:laterAt", { name, args: { what: "never" } });
      const cancelling = mutate(engine, "main:cancel", { id });
      for (let i = 0; i < MICROTASKS; i++) await Promise.resolve();
      expect(await ask(engine, "main:states")).toEqual(["pending"]);
      await advance(MINUTE_MS);
      await cancelling;
      expect(await ask(engine, "main:log")).toEqual([]);
      expect(await ask(engine, "main:states")).toEqual(["canceled"]);
    },
  );

  it("cannot be given an unresolved commit timestamp", async () => {
    const { engine } = await start();
    await expect(mutate(engine, "main:placeholder")).rejects.toThrow("unresolved placeholder");
  });
});

it("cron jobs run at once and then at their interval", async () => {
  const crons = cronJobs();
  crons.interval("tick", { minutes: 2 }, own.note, { what: "tick" });
  crons.hourly("hour", { minuteUTC: 3 }, own.note, { what: "hour" });
  const { engine, advance } = await start({ crons: { default: crons } });
  await advance(5 * MINUTE_MS);
  expect(await ask(engine, "main:log")).toEqual(["tick 0", "tick 2", "hour 3", "tick 4"]);
});
