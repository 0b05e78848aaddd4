// @vitest-environment node
import {
  defineSchema,
  defineTable,
  mutationGeneric,
  paginationOptsValidator,
  queryGeneric,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v, type Value } from "convex/values";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Commit, FunctionArgs, QueryRun } from "../runtime.js";
import { createEngine, type Engine } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { ask, mutate } from "./testing.js";

const schema = defineSchema({
  rows: defineTable({ n: v.number(), tag: v.string() })
    .index("by_n", ["n"])
    .index("by_tag", ["tag", "n"]),
});
type Model = DataModelFromSchemaDefinition<typeof schema>;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;
const query = queryGeneric as QueryBuilder<Model, "public">;

const functions = {
  insert: mutation({
    args: { n: v.number(), tag: v.string() },
    handler: (ctx, row) => ctx.db.insert("rows", row),
  }),
  retag: mutation({
    args: { id: v.id("rows"), tag: v.string() },
    handler: (ctx, { id, tag }) => ctx.db.patch("rows", id, { tag }),
  }),
  remove: mutation({
    args: { id: v.id("rows") },
    handler: (ctx, { id }) => ctx.db.delete("rows", id),
  }),
  take: query({
    args: { from: v.number(), count: v.number() },
    handler: async (ctx, { from, count }) =>
      (
        await ctx.db
          .query("rows")
          .withIndex("by_n", (q) => q.gte("n", from))
          .take(count)
      ).map(({ n }) => n),
  }),
  last: query({
    args: {},
    handler: async (ctx) =>
      (await ctx.db.query("rows").withIndex("by_n").order("desc").first())?.n ?? null,
  }),
  byId: query({
    args: { id: v.string() },
    handler: async (ctx, { id }) =>
      (await ctx.db.get(ctx.db.normalizeId("rows", id)!))?.tag ?? null,
  }),
  tagged: query({
    args: { tag: v.string() },
    handler: async (ctx, { tag }) =>
      (
        await ctx.db
          .query("rows")
          .withIndex("by_tag", (q) => q.eq("tag", tag))
          .collect()
      ).length,
  }),
  even: query({
    args: { paginationOpts: paginationOptsValidator },
    handler: (ctx, { paginationOpts }) =>
      ctx.db
        .query("rows")
        .withIndex("by_n")
        .filter((q) => q.eq(q.mod(q.field("n"), 2), 0))
        .paginate(paginationOpts),
  }),
  mine: query({
    args: {},
    handler: async (ctx) => ({
      who: (await ctx.auth.getUserIdentity())?.subject ?? null,
      rows: (await ctx.db.query("rows").collect()).length,
    }),
  }),
  time: query({ args: {}, handler: async () => Date.now() }),
};

let engine: Engine;
let commits: Commit[];

beforeEach(async () => {
  engine = await createEngine(inlineApp({ schema, modules: { main: functions } }));
  onTestFinished(() => engine.close());
  await engine.open(null);
  for (const n of [10, 20, 30, 40]) await mutate(engine, "main:insert", { n, tag: "a" });
  commits = [];
  engine.onCommit((commit) => commits.push(commit));
});

function run(
  path: string,
  args: FunctionArgs = {},
  journal: string | null = null,
): Promise<QueryRun> {
  return engine.snapshot((snapshot) => snapshot.runQuery({ path, args, identity: null }, journal));
}

/** Whether a subscription to the query would run again after the write. */
async function isTouched(query: Promise<QueryRun>, write: () => Promise<Value>): Promise<boolean> {
  const { reads } = await query;
  await write();
  return commits.some((commit) => reads.isTouchedBy(commit));
}

const insert = (n: number, tag = "a") => mutate(engine, "main:insert", { n, tag });

describe("a query runs again when a write falls into what it read:", () => {
  it.each<[string, string, FunctionArgs, number, boolean]>([
    ["take(2) before its last row", "take", { from: 15, count: 2 }, 25, true],
    ["take(2) after its last row", "take", { from: 15, count: 2 }, 35, false],
    ["take(2) before its start", "take", { from: 15, count: 2 }, 5, false],
    ["take(9), which reached the end", "take", { from: 15, count: 9 }, 99, true],
    ["take(0)", "take", { from: 15, count: 0 }, 25, false],
    ["first of desc, behind it", "last", {}, 50, true],
    ["first of desc, before it", "last", {}, 35, false],
    ["another value of the index", "tagged", { tag: "b" }, 50, false],
    ["its value of the index", "tagged", { tag: "a" }, 50, true],
  ])("%s", async (_what, name, args, n, expected) => {
    expect(await isTouched(run(`main:${name}`, args), () => insert(n))).toBe(expected);
  });

  it("documents that leave or enter its range, by a patch or a deletion", async () => {
    const id = await insert(50, "b");
    expect(
      await isTouched(run("main:tagged", { tag: "b" }), () =>
        mutate(engine, "main:retag", { id, tag: "c" }),
      ),
    ).toBe(true);
    commits = [];
    expect(
      await isTouched(run("main:tagged", { tag: "b" }), () =>
        mutate(engine, "main:remove", { id }),
      ),
    ).toBe(false);
    commits = [];
    const other = await insert(60, "b");
    commits = [];
    expect(
      await isTouched(run("main:tagged", { tag: "b" }), () =>
        mutate(engine, "main:remove", { id: other }),
      ),
    ).toBe(true);
  });

  it("a document that was looked for and not found", async () => {
    const id = await insert(50);
    commits = [];
    const query = run("main:byId", { id });
    expect(await isTouched(query, () => insert(60))).toBe(false);
    expect(await isTouched(query, () => mutate(engine, "main:remove", { id }))).toBe(true);
  });
});

describe("pages", () => {
  type Page = { page: { n: number }[]; isDone: boolean; continueCursor: string };
  const page = async (cursor: string | null, journal: string | null = null, numItems = 2) => {
    const result = await run("main:even", { paginationOpts: { numItems, cursor } }, journal);
    if (result.outcome.type === "error") throw new Error(result.outcome.message);
    const { page: rows, ...rest } = result.outcome.value as unknown as Page;
    return { ...rest, numbers: rows.map(({ n }) => n), journal: result.journal };
  };

  it("follow each other, without what the filter keeps out", async () => {
    await insert(25);
    const first = await page(null);
    expect(first).toMatchObject({ numbers: [10, 20], isDone: false });
    const second = await page(first.continueCursor);
    expect(second).toMatchObject({ numbers: [30, 40], isDone: true });
    expect(await page(second.continueCursor)).toMatchObject({ numbers: [], isDone: true });
  });

  it("grow and shrink in place when they are read again", async () => {
    const first = await page(null);
    await insert(12);
    await insert(14);
    const again = await page(null, first.journal);
    expect(again).toMatchObject({
      numbers: [10, 12, 14, 20],
      continueCursor: first.continueCursor,
    });
  });

  it("do not go on from the cursor of another query", async () => {
    const { continueCursor } = await page(null);
    const elsewhere = run("main:even", {
      paginationOpts: { numItems: 1, cursor: `x${continueCursor}` },
    });
    expect((await elsewhere).outcome).toMatchObject({
      type: "error",
      message: expect.stringContaining("InvalidCursor"),
    });
  });
});

describe("results are cached", () => {
  const ada = { subject: "ada", issuer: "i", tokenIdentifier: "i|ada" };
  const bob = { subject: "bob", issuer: "i", tokenIdentifier: "i|bob" };
  const hits = (name: string) => engine.metrics.get(`main:${name}`).cacheHits;

  it("until a write touches them", async () => {
    const args = { from: 15, count: 2 };
    for (let i = 0; i < 3; i++) await ask(engine, "main:take", args);
    expect(hits("take")).toBe(2);
    await insert(35);
    await ask(engine, "main:take", args);
    expect(hits("take")).toBe(3);
    await insert(25);
    expect(await ask(engine, "main:take", args)).toEqual([20, 25]);
    expect(hits("take")).toBe(3);
  });

  it("for everybody, unless the function asked who calls", async () => {
    await ask(engine, "main:last", {}, ada);
    await ask(engine, "main:last", {}, bob);
    expect(hits("last")).toBe(1);
    expect(await ask(engine, "main:mine", {}, ada)).toEqual({ who: "ada", rows: 4 });
    expect(await ask(engine, "main:mine", {}, bob)).toEqual({ who: "bob", rows: 4 });
    await ask(engine, "main:mine", {}, ada);
    expect(hits("mine")).toBe(1);
  });

  it("not when they depend on the time", async () => {
    await ask(engine, "main:time");
    await ask(engine, "main:time");
    expect(hits("time")).toBe(0);
  });

  it("not for a snapshot from before they were made", async () => {
    await engine.snapshot(async (snapshot) => {
      await insert(50);
      expect(await ask(engine, "main:last")).toBe(50);
      const old = await snapshot.runQuery({ path: "main:last", args: {}, identity: null }, null);
      expect(old.outcome).toEqual({ type: "value", value: 40 });
    });
    expect(await ask(engine, "main:last")).toBe(50);
  });
});
