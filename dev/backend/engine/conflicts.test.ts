// @vitest-environment node
import {
  defineSchema,
  defineTable,
  mutationGeneric,
  queryGeneric,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v } from "convex/values";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { seededInterleaving, seededRandom } from "./interleaving.js";
import { ask, mutate } from "./testing.js";

const schema = defineSchema({
  counters: defineTable({ name: v.string(), value: v.number() }).index("by_name", ["name"]),
  log: defineTable({ who: v.string(), ts: v.commitTs() }).index("by_ts", ["ts"]),
});
type Model = DataModelFromSchemaDefinition<typeof schema>;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;
const query = queryGeneric as QueryBuilder<Model, "public">;

const functions = {
  add: mutation({
    args: { name: v.string() },
    handler: async (ctx, { name }) => {
      const counter = await ctx.db
        .query("counters")
        .withIndex("by_name", (q) => q.eq("name", name))
        .unique();
      if (counter === null) await ctx.db.insert("counters", { name, value: 1 });
      else await ctx.db.patch("counters", counter._id, { value: counter.value + 1 });
    },
  }),
  /** Both may go off duty while the other is on: write skew, unless reads are validated. */
  setIfOtherIsPositive: mutation({
    args: { own: v.string(), other: v.string() },
    handler: async (ctx, { own, other }) => {
      const counters = await ctx.db.query("counters").collect();
      const find = (name: string) => counters.find((counter) => counter.name === name)!;
      if (find(other).value > 0) await ctx.db.patch("counters", find(own)._id, { value: 0 });
    },
  }),
  append: mutation({
    args: { who: v.string() },
    handler: async (ctx, { who }) => {
      await ctx.db.insert("log", { who, ts: ctx.db.vars.commitTs });
    },
  }),
  /** Reads the newest row, and so everything that could come after it. */
  appendAfterLast: mutation({
    args: { who: v.string() },
    handler: async (ctx, { who }) => {
      await ctx.db.query("log").withIndex("by_ts").order("desc").first();
      await ctx.db.insert("log", { who, ts: ctx.db.vars.commitTs });
    },
  }),
  all: query({
    args: {},
    handler: async (ctx) => {
      const counters = await ctx.db.query("counters").withIndex("by_name").collect();
      return Object.fromEntries(counters.map(({ name, value }) => [name, value]));
    },
  }),
};

async function start(options: EngineOptions = {}): Promise<Engine> {
  const engine = await createEngine(inlineApp({ schema, modules: { main: functions } }), options);
  onTestFinished(() => engine.close());
  await engine.open(null);
  return engine;
}

const times = (count: number, call: () => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, call));

describe("concurrent mutations", () => {
  it("of one document conflict, are retried, and lose no update", async () => {
    const engine = await start();
    await times(3, () => mutate(engine, "main:add", { name: "a" }));
    expect(await ask(engine, "main:all")).toEqual({ a: 3 });
    const { conflicts, retries } = engine.metrics.get("main:add");
    expect(conflicts).toBeGreaterThan(0);
    expect(retries).toBe(conflicts);
  });

  it("wait for their turn before they look, when no more may run at once", async () => {
    const engine = await start({ limits: { concurrentMutations: 1 } });
    await times(5, () => mutate(engine, "main:add", { name: "a" }));
    expect(await ask(engine, "main:all")).toEqual({ a: 5 });
    expect(engine.metrics.get("main:add")).toMatchObject({ calls: 5, conflicts: 0 });
  });

  it.each([
    [256, {}],
    [300, { concurrentMutations: Infinity }],
  ])("run at the same time up to %i of 300", async (expected, limits) => {
    let running = 0;
    let most = 0;
    // Each stops once, until all that may have begun have.
    const pause = async () => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    const engine = await start({ limits, interleaving: { start: () => ({ pause }) } });
    await times(300, () => mutate(engine, "main:append", { who: "a" }));
    expect(most).toBe(expected);
    expect(engine.count("", "log")).toBe(300);
  });

  it("of different documents do not conflict", async () => {
    const engine = await start();
    await times(1, () => mutate(engine, "main:add", { name: "a" }));
    await times(1, () => mutate(engine, "main:add", { name: "b" }));
    await Promise.all(["a", "b"].map((name) => mutate(engine, "main:add", { name })));
    expect(engine.metrics.get("main:add").conflicts).toBe(0);
    expect(await ask(engine, "main:all")).toEqual({ a: 2, b: 2 });
  });

  it("that only append do not conflict, those that look at the end do", async () => {
    const engine = await start();
    await times(50, () => mutate(engine, "main:append", { who: "a" }));
    expect(engine.metrics.get("main:append").conflicts).toBe(0);
    await times(3, () => mutate(engine, "main:appendAfterLast", { who: "a" }));
    expect(engine.metrics.get("main:appendAfterLast").conflicts).toBeGreaterThan(0);
    expect(engine.count("", "log")).toBe(53);
  });

  it.each([1, 2, 3, 4, 5])("show no write skew (seed %i)", async (seed) => {
    const engine = await start({ interleaving: seededInterleaving(seededRandom(seed)) });
    await mutate(engine, "main:add", { name: "a" });
    await mutate(engine, "main:add", { name: "b" });
    await Promise.all([
      mutate(engine, "main:setIfOtherIsPositive", { own: "a", other: "b" }),
      mutate(engine, "main:setIfOtherIsPositive", { own: "b", other: "a" }),
    ]);
    const { a, b } = (await ask(engine, "main:all")) as { a: number; b: number };
    expect(a + b).toBe(1);
  });

  it("give up after four retries with a system error", async () => {
    // Somebody else commits whenever the victim is about to go on.
    let isDisturbing = false;
    const pause = async () => {
      if (isDisturbing) return;
      isDisturbing = true;
      await mutate(engine, "main:append", { who: "other" });
      isDisturbing = false;
    };
    const engine = await start({ random: () => 0, interleaving: { start: () => ({ pause }) } });
    await expect(mutate(engine, "main:appendAfterLast", { who: "victim" })).rejects.toThrow(
      'from or written to the "log" table changed',
    );
    const { conflicts, retries } = engine.metrics.get("main:appendAfterLast");
    expect({ conflicts, retries }).toEqual({ conflicts: 5, retries: 4 });
  });

  it("happen in the same order for the same seed", async () => {
    const history = async (seed: number) => {
      const random = seededRandom(seed);
      const engine = await start({ interleaving: seededInterleaving(random), random });
      const names: unknown[] = [];
      engine.onCommit(({ writes }) => names.push(writes[0]?.document?.["who"]));
      const whos = [..."abcdefgh"];
      await Promise.all(whos.map((who) => mutate(engine, "main:append", { who })));
      return names.join("");
    };
    expect(await history(7)).toBe(await history(7));
    const others = await Promise.all([1, 2, 3, 4].map(history));
    expect(new Set(others).size).toBeGreaterThan(1);
  });
});
