import { convexTest as original } from "convex-test";
import {
  actionGeneric as action,
  anyApi,
  componentsGeneric,
  defineSchema,
  defineTable,
  internalQueryGeneric as internalQuery,
  mutationGeneric as mutation,
  queryGeneric as query,
  type FunctionReference,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type UserIdentity,
} from "convex/server";
import { ConvexError, v } from "convex/values";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { TestAccessor } from "./accessor.js";
import { convexTest, type TestOptions } from "./index.js";
import { TestEngine } from "./test-engine.js";

const HOUR_MS = 3_600_000;

const schema = defineSchema({ notes: defineTable({ text: v.string() }) });
const api = anyApi["notes"]! as unknown as Record<string, FunctionReference<"mutation">>;
const inner = componentsGeneric()["inner"] as unknown as { notes: typeof api };

type Identity = UserIdentity | null;

const notes = {
  list: query({
    args: {},
    handler: async (ctx) => (await ctx.db.query("notes").collect()).map(({ text }) => text),
  }),
  count: internalQuery({
    args: {},
    handler: async (ctx) => (await ctx.db.query("notes").collect()).length,
  }),
  add: mutation({
    args: { text: v.string(), hint: v.optional(v.string()) },
    handler: async (ctx, { text }) => void (await ctx.db.insert("notes", { text })),
  }),
  whoAmI: query({ args: {}, handler: (ctx): Promise<Identity> => ctx.auth.getUserIdentity() }),
  whoAmIInside: query({
    args: {},
    handler: (ctx): Promise<Identity> => ctx.runQuery(inner.notes["whoAmI"] as never),
  }),
  /** Adds a note now and `times` more, `ms` apart. */
  repeat: mutation({
    args: { ms: v.number(), times: v.number() },
    handler: async (ctx, { ms, times }) => {
      await ctx.db.insert("notes", { text: `${times} to go` });
      if (times > 0) await ctx.scheduler.runAfter(ms, api["repeat"]!, { ms, times: times - 1 });
    },
  }),
  addAfterAnHour: action({
    args: {},
    handler: async (ctx) => {
      await new Promise((resolve) => setTimeout(resolve, HOUR_MS));
      await ctx.runMutation(api["add"]!, { text: "waited" });
    },
  }),
};

const modules = {
  "./_generated/api.ts": () => Promise.resolve({}),
  "./notes.ts": () => Promise.resolve(notes),
};

const addNote = (text: string) => (ctx: GenericMutationCtx<never>) =>
  ctx.db.insert("notes" as never, { text } as never);

function useFakeTimers() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

// What the adapter does is what convex-test does: every test runs on both.
describe.each([
  ["convex-test", original as unknown as typeof convexTest],
  ["the engine", convexTest],
])("%s", (_name, make) => {
  const newTest = (limits?: TestOptions["transactionLimits"]): TestAccessor =>
    make({ schema, modules, ...(limits && { transactionLimits: limits }) });

  it("runs functions by reference, internal ones too", async () => {
    const t = newTest();
    expect(await t.mutation(api["add"]!, { text: "a" })).toBeNull();
    expect(await t.query(api["list"]!)).toEqual(["a"]);
    expect(await t.query(api["count"]!, {})).toBe(1);
  });

  it("takes a schema and modules as well", async () => {
    const t = make(schema, modules);
    expect(await t.query(api["list"]!)).toEqual([]);
  });

  it("refuses arguments that do not fit, and takes `undefined` for nothing", async () => {
    const t = newTest();
    await expect(t.mutation(api["add"]!, { text: 5 })).rejects.toThrow("Validator error");
    await t.mutation(api["add"]!, { text: "a", hint: undefined as never });
    expect(await t.query(api["list"]!)).toEqual(["a"]);
  });

  it("runs functions that are written down in the test", async () => {
    const t = newTest();
    const id = await t.run(addNote("a"));
    expect(await t.mutation(addNote("b"))).not.toBe(id);
    const read = (ctx: GenericQueryCtx<never>) => ctx.db.get(id as never);
    expect(await t.query(read)).toMatchObject({ _id: id, text: "a" });
    await t.action(async (ctx: { runMutation: (...call: unknown[]) => Promise<unknown> }) => {
      await ctx.runMutation(api["add"], { text: "c" });
    });
    expect(await t.query(api["list"]!)).toEqual(["a", "b", "c"]);
    expect(await t.run(async () => undefined)).toBeNull();
  });

  it("runs them at the same time as if it were one after the other", async () => {
    const t = newTest();
    const addNumber = (name: string) => async (ctx: GenericMutationCtx<never>) => {
      const before = await ctx.db.query("notes" as never).collect();
      await addNote(`${name}, ${before.length} before`)(ctx);
      return name;
    };
    const names = ["a", "b", "c"];
    expect(await Promise.all(names.map((name) => t.run(addNumber(name))))).toEqual(names);
    const texts = (await t.query(api["list"]!)) as string[];
    expect(texts.map((text) => text[0]).toSorted()).toEqual(names);
    expect(texts.map((text) => text.slice(1))).toEqual([0, 1, 2].map((n) => `, ${n} before`));
  });

  it("keeps to the schema", async () => {
    const t = newTest();
    await expect(t.run(addNote(5 as never))).rejects.toThrow("Validator error");
  });

  it("hands on what was thrown, and undoes the rest", async () => {
    const t = newTest();
    const addAndThrow = (error: Error) => async (ctx: GenericMutationCtx<never>) => {
      await addNote("undone")(ctx);
      throw error;
    };
    await expect(t.run(addAndThrow(new TypeError("oops")))).rejects.toThrow("oops");
    const refusal = addAndThrow(new ConvexError({ code: "NO", at: 5n }));
    await expect(t.run(refusal)).rejects.toMatchObject({ data: { code: "NO", at: 5n } });
    await expect(t.run(refusal)).rejects.toThrow(ConvexError);
    expect(await t.query(api["list"]!)).toEqual([]);
  });

  it("gives results that the test may change", async () => {
    const t = newTest();
    await t.mutation(api["add"]!, { text: "a" });
    ((await t.query(api["list"]!)) as string[]).push("mine");
    expect(await t.query(api["list"]!)).toEqual(["a"]);
  });

  it("knows who calls, outside of components", async () => {
    const t = newTest();
    t.registerComponent("inner", schema, modules);
    const ann = t.withIdentity({ name: "Ann" });
    const identity = (await ann.query(api["whoAmI"]!)) as UserIdentity;
    expect(identity).toMatchObject({ name: "Ann", issuer: "https://convex.test" });
    expect(identity.tokenIdentifier).toBe(`${identity.issuer}|${identity.subject}`);
    const bob = (await ann.withIdentity({ name: "Bob" }).query(api["whoAmI"]!)) as UserIdentity;
    expect(bob.subject).not.toBe(identity.subject);
    const named = t.withIdentity({ subject: "cleo", issuer: "i", tokenIdentifier: "t" });
    expect(await named.query(api["whoAmI"]!)).toEqual({
      subject: "cleo",
      issuer: "i",
      tokenIdentifier: "t",
    });
    expect(await t.query(api["whoAmI"]!)).toBeNull();
    expect(await ann.query(api["whoAmIInside"]!)).toBeNull();
  });

  it("keeps to the limits it was given", async () => {
    const t = newTest({ documentsWritten: 1 });
    await t.run(addNote("a"));
    const two = async (ctx: GenericMutationCtx<never>) => {
      await addNote("b")(ctx);
      await addNote("c")(ctx);
    };
    await expect(t.run(two)).rejects.toThrow(/documents.*\(limit: 1\)/);
  });

  it("runs what is scheduled as far as a test advances its timers", async () => {
    useFakeTimers();
    const t = newTest();
    await t.mutation(api["repeat"]!, { ms: HOUR_MS, times: 3 });
    vi.advanceTimersByTime(HOUR_MS);
    await t.finishInProgressScheduledFunctions();
    expect(await t.query(api["count"]!)).toBe(2);
    await t.finishAllScheduledFunctions(vi.runAllTimers);
    expect(await t.query(api["count"]!)).toBe(4);
  });

  it("runs what was scheduled before the timers were fake", async () => {
    const t = newTest();
    await t.mutation(api["repeat"]!, { ms: 0, times: 2 });
    useFakeTimers();
    await t.finishAllScheduledFunctions(vi.runAllTimers);
    expect(await t.query(api["count"]!)).toBe(3);
  });

  it("leaves what the machine's clock has yet to reach", async () => {
    const t = newTest();
    await t.mutation(api["repeat"]!, { ms: HOUR_MS, times: 1 });
    useFakeTimers();
    await t.finishAllScheduledFunctions(vi.runAllTimers);
    expect(await t.query(api["count"]!)).toBe(1);
  });

  it("waits for an action that waits for a timer", async () => {
    useFakeTimers();
    const t = newTest();
    await t.run(async (ctx: GenericMutationCtx<never>) => {
      await ctx.scheduler.runAfter(0, api["addAfterAnHour"] as never);
    });
    await t.finishAllScheduledFunctions(vi.runAllTimers);
    expect(await t.query(api["list"]!)).toEqual(["waited"]);
  });

  it("says when functions schedule each other for ever", async () => {
    useFakeTimers();
    const t = newTest();
    await t.mutation(api["repeat"]!, { ms: 1, times: 50 });
    const finished = t.finishAllScheduledFunctions(() => vi.advanceTimersByTime(1), 5);
    await expect(finished).rejects.toThrow(/schedule|iterations/);
  });
});

it("wants components before the first call", async () => {
  const t = convexTest(schema, modules);
  await t.query(api["list"]!);
  expect(() => t.registerComponent("inner", schema, modules)).toThrow(
    'Register the component "inner" before the first function is called.',
  );
});

it("runs nothing more once it was closed, as it is at the end of a file", async () => {
  const engine = new TestEngine({ schema, modules, limits: {} });
  const t = new TestAccessor(engine, null);
  await t.mutation(api["repeat"]!, { ms: 1, times: 5 });
  await engine.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await t.query(api["count"]!)).toBe(1);
});
