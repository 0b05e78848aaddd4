// @vitest-environment node
import {
  defineSchema,
  defineTable,
  mutationGeneric,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
} from "convex/server";
import { v } from "convex/values";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { mutate } from "./testing.js";

const schema = defineSchema({ log: defineTable({ ts: v.commitTs() }) });
type Model = DataModelFromSchemaDefinition<typeof schema>;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;

const functions = {
  write: mutation({
    args: {},
    handler: async (ctx) => {
      await ctx.db.insert("log", { ts: ctx.db.vars.commitTs });
      return ctx.db.vars.commitTs;
    },
  }),
  look: mutation({
    args: {},
    handler: async (ctx) => {
      // A turn for others, after the snapshot was taken.
      await ctx.auth.getUserIdentity();
      const count = (await ctx.db.query("log").collect()).length;
      return { count, ts: ctx.db.vars.commitTs };
    },
  }),
};

async function start(options: EngineOptions = {}, folder: string | null = null): Promise<Engine> {
  const engine = await createEngine(inlineApp({ schema, modules: { main: functions } }), options);
  onTestFinished(() => engine.close());
  await engine.open(folder);
  return engine;
}

/** As a client on a socket: it names its request. */
async function look(engine: Engine, requestKey: string) {
  const call = { path: "main:look", args: {}, identity: null };
  const { outcome, ts } = await engine.runMutation(call, requestKey);
  if (outcome.type === "error") throw new Error(outcome.message);
  return { ...(outcome.value as { count: number; ts: bigint }), committedAt: ts };
}

it("a mutation that writes nothing, and whose request has no name, ran at its snapshot's time", async () => {
  const engine = await start();
  const written = await mutate(engine, "main:write");
  expect(await mutate(engine, "main:look")).toEqual({ count: 1, ts: written });
  expect(await mutate(engine, "main:look")).toEqual({ count: 1, ts: written });
});

it("a client's mutation has a timestamp of its own, also when it writes nothing", async () => {
  const engine = await start();
  const times = [
    (await mutate(engine, "main:write")) as bigint,
    (await look(engine, "a:1")).ts,
    (await look(engine, "a:2")).ts,
    (await mutate(engine, "main:write")) as bigint,
  ];
  for (let i = 1; i < times.length; i++) expect(times[i]).toBeGreaterThan(times[i - 1]!);
});

it("asked again, also after a restart, it does not run again and gives the same answer", async () => {
  const folder = join(mkdtempSync(join(tmpdir(), "engine-")), "data");
  onTestFinished(() => rmSync(join(folder, ".."), { recursive: true }));
  const first = await start({}, folder);
  const answer = await look(first, "a:1");
  expect(answer.committedAt).toBe(answer.ts);
  await mutate(first, "main:write");
  expect(await look(first, "a:1")).toEqual(answer);
  await first.close();
  const second = await start({}, folder);
  expect(await look(second, "a:1")).toEqual(answer);
  expect(second.metrics.get("main:look").calls).toBe(0);
  // Time goes on after what was only answered, too.
  const last = await look(second, "a:2");
  await second.close();
  expect((await mutate(await start({}, folder), "main:write")) as bigint).toBeGreaterThan(last.ts);
});

it("what it read still holds at its timestamp", async () => {
  // Somebody else writes when it is about to go on for the first time.
  let isDisturbed = false;
  const pause = async () => {
    if (isDisturbed) return;
    isDisturbed = true;
    await mutate(engine, "main:write");
  };
  const engine = await start({ random: () => 0, interleaving: { start: () => ({ pause }) } });
  expect((await look(engine, "a:1")).count).toBe(1);
  expect(engine.metrics.get("main:look")).toMatchObject({ conflicts: 1, retries: 1 });
});
