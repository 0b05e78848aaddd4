// @vitest-environment node
import {
  defineSchema,
  defineTable,
  makeFunctionReference,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { v, type Value } from "convex/values";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { ask, mutate } from "./testing.js";

const MIB = 1024 * 1024;
const schema = defineSchema({ rows: defineTable({ value: v.any() }) });
const nothing = makeFunctionReference<"mutation">("main:nothing");
const down = makeFunctionReference<"mutation">("main:down");
const two = makeFunctionReference<"query">("main:getTwice");

const functions = {
  nothing: mutation({ args: { value: v.any() }, handler: async () => {} }),
  insert: mutation({
    args: { value: v.any(), count: v.optional(v.number()) },
    handler: async (ctx, { value, count = 1 }) => {
      for (let i = 0; i < count; i++) await ctx.db.insert("rows", { value: value as Value });
    },
  }),
  insertText: mutation({
    args: { length: v.number() },
    handler: async (ctx, { length }) =>
      void (await ctx.db.insert("rows", { value: "x".repeat(length) })),
  }),
  returnText: query({
    args: { length: v.number() },
    handler: async (_ctx, { length }) => "x".repeat(length),
  }),
  scan: query({ args: {}, handler: async (ctx) => (await ctx.db.query("rows").collect()).length }),
  getTwice: query({
    args: {},
    handler: async (ctx) => {
      const row = await ctx.db.query("rows").first();
      await ctx.db.get(row!._id as never);
      return ctx.meta.getTransactionMetrics();
    },
  }),
  getTwiceWithin: mutation({
    args: { databaseQueries: v.number() },
    handler: async (ctx, { databaseQueries }) => {
      const failed = await ctx.runQuery(two, {}, { transactionLimits: { databaseQueries } }).then(
        () => false,
        () => true,
      );
      const metrics = await ctx.meta.getTransactionMetrics();
      return { failed, used: metrics.databaseQueries.used };
    },
  }),
  schedule: mutation({
    args: { count: v.number() },
    handler: async (ctx, { count }) => {
      for (let i = 0; i < count; i++)
        await ctx.scheduler.runAfter(3_600_000, nothing, { value: i });
    },
  }),
  scheduleText: mutation({
    args: { length: v.number(), count: v.number() },
    handler: async (ctx, { length, count }) => {
      const value = "x".repeat(length);
      for (let i = 0; i < count; i++) await ctx.scheduler.runAfter(3_600_000, nothing, { value });
    },
  }),
  down: mutation({
    args: { levels: v.number() },
    handler: async (ctx, { levels }): Promise<void> =>
      void (levels > 1 && (await ctx.runMutation(down, { levels: levels - 1 }))),
  }),
  getOften: query({
    args: { times: v.number() },
    handler: async (ctx, { times }) => {
      for (let i = 0; i < times; i++) await ctx.db.query("rows").first();
    },
  }),
  spin: query({
    args: { ms: v.number() },
    handler: async (ctx, { ms }) => {
      await ctx.db.query("rows").first();
      const end = performance.now() + ms;
      while (performance.now() < end);
      await ctx.db.query("rows").first();
    },
  }),
};

async function start(limits: Partial<Limits> = {}): Promise<Engine> {
  const app = inlineApp({ schema, modules: { main: functions } });
  const engine = await createEngine(app, { limits });
  onTestFinished(() => engine.close());
  await engine.open(null);
  return engine;
}

const nested = (depth: number): Value => (depth === 0 ? 1 : { in: nested(depth - 1) });
const fields = (count: number): Value =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));

type Case = [
  limit: keyof Limits,
  within: (engine: Engine) => Promise<Value>,
  beyond: (engine: Engine) => Promise<Value>,
];

const insert = (value: Value, count?: number) => (engine: Engine) =>
  mutate(engine, "main:insert", count === undefined ? { value } : { value, count });

const CASES: Case[] = [
  [
    "documentBytes",
    (e) => mutate(e, "main:insertText", { length: MIB - 200 }),
    (e) => mutate(e, "main:insertText", { length: MIB }),
  ],
  ["documentFields", insert(fields(1024)), insert(fields(1025))],
  ["arrayElements", insert(new Array(8192).fill(0)), insert(new Array(8193).fill(0))],
  // The document itself and the field are levels, too; so are the arguments.
  ["nesting", insert(nested(15)), insert(nested(16))],
  [
    "callBytes",
    (e) => ask(e, "main:returnText", { length: 16 * MIB - 10 }),
    (e) => ask(e, "main:returnText", { length: 16 * MIB }),
  ],
  [
    "functionsScheduled",
    (e) => mutate(e, "main:schedule", { count: 1000 }),
    (e) => mutate(e, "main:schedule", { count: 1001 }),
  ],
  [
    "scheduledCallBytes",
    (e) => mutate(e, "main:scheduleText", { length: 4 * MIB - 100, count: 1 }),
    (e) => mutate(e, "main:scheduleText", { length: 4 * MIB, count: 1 }),
  ],
  [
    "callDepth",
    (e) => mutate(e, "main:down", { levels: 8 }),
    (e) => mutate(e, "main:down", { levels: 9 }),
  ],
  [
    "databaseQueries",
    (e) => ask(e, "main:getOften", { times: 4096 }),
    (e) => ask(e, "main:getOften", { times: 4097 }),
  ],
];

describe("limits", () => {
  it.each(CASES)("%s", async (limit, within, beyond) => {
    const engine = await start();
    await within(engine);
    await expect(beyond(engine)).rejects.toThrow(String(DEFAULT_LIMITS[limit]));
    await beyond(await start({ [limit]: Infinity }));
  });

  it.each<[keyof Limits, number]>([
    ["documentsRead", 3],
    ["documentsWritten", 3],
    ["bytesRead", 300],
    ["bytesWritten", 300],
  ])("%s of a transaction", async (limit, value) => {
    const engine = await start({ [limit]: value });
    const isWrite = limit.endsWith("Written");
    const use = async (count: number) => {
      for (let i = 0; i < count; i += 3) await insert(0, isWrite ? count : 3)(engine);
      if (!isWrite) await ask(engine, "main:scan");
    };
    await use(3);
    await expect(use(6)).rejects.toThrow(`(limit: ${value})`);
  });

  it("scheduledFunctionArgsBytes of a transaction", async () => {
    const engine = await start({ scheduledFunctionArgsBytes: 1000 });
    const schedule = (count: number) => mutate(engine, "main:scheduleText", { length: 300, count });
    await schedule(3);
    await expect(schedule(4)).rejects.toThrow("(limit: 1000)");
  });

  it("of a nested call can be tighter, and what it read counts", async () => {
    const engine = await start();
    await insert(0)(engine);
    expect(await mutate(engine, "main:getTwiceWithin", { databaseQueries: 1 })).toEqual({
      failed: true,
      used: 2,
    });
    expect(await mutate(engine, "main:getTwiceWithin", { databaseQueries: 2 })).toEqual({
      failed: false,
      used: 2,
    });
  });

  it("stop a function that computes for too long, when they are asked to", async () => {
    const engine = await start({ userTimeMs: 20 });
    await expect(ask(engine, "main:spin", { ms: 40 })).rejects.toThrow("maximum duration: 20 ms");
    await ask(await start(), "main:spin", { ms: 40 });
  });
});

it("metrics add up what a function used", async () => {
  const engine = await start();
  await insert("x", 3)(engine);
  await ask(engine, "main:getTwice");
  await ask(engine, "main:scan");
  expect(engine.metrics.get("main:insert")).toMatchObject({ calls: 1, documentsWritten: 3 });
  expect(engine.metrics.get("main:getTwice")).toMatchObject({
    databaseQueries: 2,
    documentsRead: 2,
  });
  expect(engine.metrics.get("main:scan")).toMatchObject({
    calls: 1,
    databaseQueries: 1,
    documentsRead: 3,
  });
});
