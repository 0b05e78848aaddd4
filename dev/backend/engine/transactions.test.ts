// @vitest-environment node
import {
  actionGeneric as action,
  anyApi,
  componentsGeneric,
  createFunctionHandle,
  defineSchema,
  defineTable,
  mutationGeneric,
  queryGeneric,
  makeFunctionReference,
  type ApiFromModules,
  type DataModelFromSchemaDefinition,
  type FunctionHandle,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { ConvexError, v } from "convex/values";
import { describe, expect, it, onTestFinished } from "vitest";
import { realClock } from "./clock.js";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { act, ask, mutate } from "./testing.js";

const schema = defineSchema({
  rows: defineTable({ name: v.string(), ts: v.commitTs() })
    .index("by_name", ["name"])
    .index("by_ts", ["ts"]),
});
type Model = DataModelFromSchemaDefinition<typeof schema>;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;
const query = queryGeneric as QueryBuilder<Model, "public">;
const refusal = { code: "NO", at: 7n, proof: new Uint8Array([1]).buffer };

const shared = {
  insert: mutation({
    args: { name: v.string() },
    handler: async (ctx, { name }) => {
      await ctx.db.insert("rows", { name, ts: ctx.db.vars.commitTs });
      return ctx.db.vars.commitTs;
    },
  }),
  insertAndRefuse: mutation({
    args: { name: v.string() },
    handler: async (ctx, { name }) => {
      await ctx.db.insert("rows", { name, ts: ctx.db.vars.commitTs });
      throw new ConvexError(refusal);
    },
  }),
  names: query({
    args: {},
    handler: async (ctx) =>
      (await ctx.db.query("rows").withIndex("by_ts").collect()).map((row) => row.name),
  }),
  whoAmI: query({
    args: {},
    handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null,
  }),
};

type Shared = ApiFromModules<{ main: typeof shared }>;
const own = (anyApi as unknown as Shared).main;
const inChild = (componentsGeneric()["child"] as unknown as Shared).main;
const forgetful = makeFunctionReference<"mutation">("main:forgetful");
const forever = makeFunctionReference<"mutation">("main:forever");

const functions = {
  ...shared,
  catching: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx.runMutation(inChild.insert, { name: "kept" });
      const caught = await Promise.all(
        [inChild.insertAndRefuse, own.insertAndRefuse].map((fn) =>
          ctx
            .runMutation(fn, { name: "lost" })
            .catch((error: ConvexError<typeof refusal>) => error.data),
        ),
      );
      await ctx.db.insert("rows", { name: "own", ts: ctx.db.vars.commitTs });
      return {
        caught,
        own: await ctx.runQuery(own.names),
        child: await ctx.runQuery(inChild.names),
      };
    },
  }),
  oneTs: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx.db.insert("rows", { name: "a", ts: ctx.db.vars.commitTs });
      const fromChild = await ctx.runMutation(inChild.insert, { name: "b" });
      const equal = await ctx.db
        .query("rows")
        .withIndex("by_ts", (q) => q.eq("ts", ctx.db.vars.commitTs))
        .collect();
      return {
        fromChild,
        isSame: fromChild === ctx.db.vars.commitTs,
        found: equal.map((row) => row.name),
        begin: ctx.meta.getSnapshotTs(),
      };
    },
  }),
  stale: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx.db.insert("rows", { name: "pending", ts: ctx.db.vars.commitTs });
      return ctx.runQuery(own.names, {}, { useStaleSnapshot: true });
    },
  }),
  handle: mutation({
    args: {},
    handler: async (ctx) => {
      const handle = await createFunctionHandle(inChild.insert);
      await ctx.runMutation(handle as FunctionHandle<"mutation">, { name: "by handle" });
      return ctx.runQuery(inChild.names);
    },
  }),
  identities: query({
    args: {},
    handler: async (ctx) => [await ctx.runQuery(own.whoAmI), await ctx.runQuery(inChild.whoAmI)],
  }),
  wrongReturn: mutation({
    args: {},
    returns: v.string(),
    handler: async (ctx) => {
      await ctx.db.insert("rows", { name: "never", ts: ctx.db.vars.commitTs });
      return 7 as unknown as string;
    },
  }),
  notAwaiting: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx
        .runMutation(forgetful)
        .catch(() => ctx.db.insert("rows", { name: "own", ts: ctx.db.vars.commitTs }));
    },
  }),
  forgetful: mutation({
    args: {},
    handler: async (ctx) => {
      void ctx.runMutation(inChild.insert, { name: "a" });
      void ctx.db.insert("rows", { name: "b", ts: ctx.db.vars.commitTs });
      throw new Error("gone before they were done");
    },
  }),
  timers: mutation({ args: {}, handler: async () => void setTimeout(() => {}, 1) }),
  time: mutation({
    args: {},
    handler: async (ctx) => {
      const before = [Date.now(), new Date().getTime()];
      await ctx.db.query("rows").collect();
      return new Set([...before, Date.now()]).size;
    },
  }),
  relay: action({
    args: {},
    handler: async (ctx): Promise<unknown> => {
      const ts: unknown = await ctx.runMutation(
        anyApi["main"]!["insert"] as never,
        { name: "by action" } as never,
      );
      const data = await ctx
        .runMutation(inChild.insertAndRefuse, { name: "x" })
        .catch((error: ConvexError<typeof refusal>) => error.data);
      return { ts: typeof ts, data };
    },
  }),
  forever: mutation({
    args: { depth: v.number() },
    handler: async (ctx, { depth }): Promise<null> =>
      ctx.runMutation(forever, { depth: depth + 1 }),
  }),
};

async function start(options: EngineOptions = {}): Promise<Engine> {
  const app = inlineApp(
    { schema, modules: { main: functions } },
    { child: { schema, modules: { main: shared } } },
  );
  const engine = await createEngine(app, options);
  onTestFinished(() => engine.close());
  await engine.open(null);
  return engine;
}

describe("a nested call that throws", () => {
  it("takes its writes with it and leaves the rest, also under Promise.all", async () => {
    const engine = await start();
    expect(await mutate(engine, "main:catching")).toEqual({
      caught: [refusal, refusal],
      own: ["own"],
      child: ["kept"],
    });
    expect(engine.count("child", "rows")).toBe(1);
  });

  it("takes calls with it that it did not wait for", async () => {
    const engine = await start();
    await mutate(engine, "main:notAwaiting");
    expect([engine.count("", "rows"), engine.count("child", "rows")]).toEqual([1, 0]);
  });

  it("takes everything with it when nobody catches", async () => {
    const engine = await start();
    await expect(mutate(engine, "main:insertAndRefuse", { name: "x" })).rejects.toThrow(
      ConvexError,
    );
    expect(engine.count("", "rows")).toBe(0);
  });

  it("is not stopped by calling itself for ever, but by the limit", async () => {
    await expect(mutate(await start(), "main:forever", { depth: 1 })).rejects.toThrow("8 deep");
  });
});

describe("commit timestamps", () => {
  it("are one for all a mutation writes, and a bigint for its caller", async () => {
    const engine = await start();
    const seen: (bigint | undefined)[] = [];
    engine.onCommit(({ ts, writes }) =>
      seen.push(ts, ...writes.map(({ document }) => document?.["ts"] as bigint)),
    );
    const { ts } = await engine.runMutation({ path: "main:oneTs", args: {}, identity: null });
    expect(seen).toEqual([ts, ts, ts]);
  });

  it("can be passed around before they are known", async () => {
    const engine = await start();
    const result = (await mutate(engine, "main:oneTs")) as Record<string, unknown>;
    expect(result).toMatchObject({ isSame: true, found: ["a"] });
    expect(result["fromChild"]).toBeGreaterThan(result["begin"] as bigint);
  });

  it("strictly increase", async () => {
    const engine = await start();
    const stamps = await Promise.all(
      [..."abcde"].map((name) => mutate(engine, "main:insert", { name })),
    );
    const sorted = [...stamps].sort((a, b) => Number((a as bigint) - (b as bigint)));
    expect(new Set(stamps).size).toBe(5);
    expect(await ask(engine, "main:names")).toEqual(
      sorted.map((ts) => [..."abcde"][stamps.indexOf(ts)]),
    );
  });
});

describe("mutations", () => {
  it("read a stale snapshot without their own writes", async () => {
    expect(await mutate(await start(), "main:stale")).toEqual([]);
  });

  it("call function handles", async () => {
    expect(await mutate(await start(), "main:handle")).toEqual(["by handle"]);
  });

  it("are rolled back when they return something else than they declare", async () => {
    const engine = await start();
    await expect(mutate(engine, "main:wrongReturn")).rejects.toThrow("ReturnsValidationError");
    expect(engine.count("", "rows")).toBe(0);
  });

  it("have no timers, and time stands still in them", async () => {
    let time = Date.UTC(2026, 0, 1);
    const engine = await start({ clock: { ...realClock(), now: () => ++time } });
    await expect(mutate(engine, "main:timers")).rejects.toThrow("`setTimeout` is not supported");
    expect(await mutate(engine, "main:time")).toBe(1);
  });
});

it("identity does not cross into a component", async () => {
  const ada = { subject: "ada", issuer: "test", tokenIdentifier: "test|ada" };
  expect(await ask(await start(), "main:identities", {}, ada)).toEqual(["ada", null]);
});

it("actions get resolved timestamps and the data of errors", async () => {
  expect(await act(await start(), "main:relay")).toEqual({ ts: "bigint", data: refusal });
});
