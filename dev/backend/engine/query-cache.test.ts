// @vitest-environment node
import {
  anyApi,
  defineSchema,
  defineTable,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { v } from "convex/values";
import { expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { ask, mutate } from "./testing.js";

const ada = { subject: "ada", issuer: "i", tokenIdentifier: "i|ada" };
const bob = { subject: "bob", issuer: "i", tokenIdentifier: "i|bob" };
const { who, count } = anyApi["main"]!;

const functions = {
  who: query({
    args: {},
    handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null,
  }),
  count: query({ args: {}, handler: async (ctx) => (await ctx.db.query("rows").collect()).length }),
  asksWho: query({ args: {}, handler: (ctx): Promise<string> => ctx.runQuery(who as never) }),
  asksCount: query({ args: {}, handler: (ctx): Promise<number> => ctx.runQuery(count as never) }),
  asksTime: query({ args: {}, handler: async (ctx) => void ctx.meta.getSnapshotTs() }),
  add: mutation({ args: {}, handler: async (ctx) => void (await ctx.db.insert("rows", {})) }),
  throws: query({
    args: {},
    handler: async (ctx) => {
      await ctx.db.query("rows").first();
      throw new Error("always");
    },
  }),
};

async function start(): Promise<Engine> {
  const schema = defineSchema({ rows: defineTable({ n: v.optional(v.number()) }) });
  const engine = await createEngine(inlineApp({ schema, modules: { main: functions } }));
  onTestFinished(() => engine.close());
  await engine.open(null);
  return engine;
}

it("is each person's own when a nested call asked who calls", async () => {
  const engine = await start();
  for (const person of [ada, bob, ada, null]) {
    expect(await ask(engine, "main:asksWho", {}, person)).toBe(person?.subject ?? null);
  }
  expect(engine.metrics.get("main:asksWho")).toMatchObject({ calls: 3, cacheHits: 1 });
});

it("holds what clients ask for, not what functions ask each other", async () => {
  const engine = await start();
  await ask(engine, "main:count");
  await ask(engine, "main:asksCount", {}, ada);
  expect(engine.metrics.get("main:count")).toMatchObject({ nestedCalls: 1, cacheHits: 0 });
  await ask(engine, "main:asksCount", {}, bob);
  expect(engine.metrics.get("main:asksCount")).toMatchObject({ calls: 1, cacheHits: 1 });
  await mutate(engine, "main:add");
  expect(await ask(engine, "main:asksCount", {}, bob)).toBe(1);
});

it("holds nothing that depends on the snapshot's time", async () => {
  const engine = await start();
  await ask(engine, "main:asksTime");
  await ask(engine, "main:asksTime");
  expect(engine.metrics.get("main:asksTime")).toMatchObject({ calls: 2, cacheHits: 0 });
});

it("holds errors, too, until a write may have mended them", async () => {
  const engine = await start();
  for (let i = 0; i < 2; i++) await expect(ask(engine, "main:throws")).rejects.toThrow("always");
  expect(engine.metrics.get("main:throws")).toMatchObject({ calls: 1, cacheHits: 1 });
  await mutate(engine, "main:add");
  await expect(ask(engine, "main:throws")).rejects.toThrow("always");
  expect(engine.metrics.get("main:throws").calls).toBe(2);
});
