// @vitest-environment node
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  defineSchema,
  defineTable,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { v } from "convex/values";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { inlineApp } from "./inline-app.js";
import { ask, mutate } from "./testing.js";

const schema = defineSchema({ rows: defineTable({ n: v.number() }).index("by_n", ["n"]) });
const functions = {
  insert: mutation({
    args: { n: v.number() },
    handler: async (ctx, { n }) => {
      await ctx.db.insert("rows", { n });
      return ctx.db.vars.commitTs;
    },
  }),
  clear: mutation({
    args: {},
    handler: async (ctx) => {
      for (const row of await ctx.db.query("rows").collect()) await ctx.db.delete(row._id as never);
    },
  }),
  all: query({
    args: {},
    handler: async (ctx) =>
      (await ctx.db.query("rows").withIndex("by_n").collect()).map((row) => row["n"]),
  }),
};

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "engine-data-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "data");
}

async function open(folder: string, options: EngineOptions = {}): Promise<Engine> {
  const engine = await createEngine(inlineApp({ schema, modules: { main: functions } }), options);
  onTestFinished(() => engine.close());
  await engine.open(folder);
  return engine;
}

/** What a process leaves that is killed now. */
function copyOf(folder: string): string {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const insert = (engine: Engine, n: number) => mutate(engine, "main:insert", { n });

describe("a data folder", () => {
  it("holds every answered commit at any moment", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder);
    for (const n of upTo(5)) {
      await insert(engine, n);
      const after = await open(copyOf(folder));
      expect(await ask(after, "main:all")).toEqual(upTo(n + 1));
    }
  });

  it("shows nobody a commit that is not in it", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder);
    engine.onCommit(({ writes }) => {
      const log = readFileSync(join(folder, "log-0"), "utf8");
      expect(log).toContain(writes[0]!.id);
    });
    await Promise.all(upTo(20).map((n) => insert(engine, n)));
    expect(engine.count("", "rows")).toBe(20);
  });

  it("may be torn anywhere in its last record", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder);
    await insert(engine, 0);
    const { size } = statSync(join(folder, "log-0"));
    await insert(engine, 1);
    const end = statSync(join(folder, "log-0")).size;
    for (let length = size; length < end; length += 7) {
      const copy = copyOf(folder);
      truncateSync(join(copy, "log-0"), length);
      const after = await open(copy);
      expect(await ask(after, "main:all")).toEqual([0]);
      await insert(after, 2);
      expect(await ask(await open(copyOf(copy)), "main:all")).toEqual([0, 2]);
    }
  });

  it("begins again from snapshots, and forgets the logs before them", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder, { maxLogBytes: 2000 });
    for (const n of upTo(100)) {
      await insert(engine, n);
      if (n % 10 === 0)
        expect(await ask(await open(copyOf(folder)), "main:all")).toEqual(upTo(n + 1));
    }
    await engine.close();
    const files = readdirSync(folder);
    expect(files.filter((name) => name.startsWith("snapshot-"))).toHaveLength(1);
    expect(files).not.toContain("log-0");
    const after = await open(folder);
    expect(await ask(after, "main:all")).toEqual(upTo(100));
    await mutate(after, "main:clear");
    await after.close();
    expect(await ask(await open(folder), "main:all")).toEqual([]);
  });

  it("ignores a snapshot that was not finished", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder);
    await insert(engine, 1);
    const copy = copyOf(folder);
    writeFileSync(join(copy, "snapshot-1.part"), "half a");
    expect(await ask(await open(copy), "main:all")).toEqual([1]);
  });

  it("is refused when it is damaged in the middle", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder);
    for (const n of upTo(3)) await insert(engine, n);
    const copy = copyOf(folder);
    const log = join(copy, "log-0");
    writeFileSync(log, readFileSync(log, "utf8").replace('"n":1', '"n":7'));
    await expect(open(copy)).rejects.toThrow("is damaged");
  });

  it("gives a request that has committed the same answer, also after a restart", async () => {
    const folder = temporaryFolder();
    const engine = await open(folder, { maxLogBytes: 500 });
    const call = { path: "main:insert", args: { n: 1 }, identity: null };
    const first = await engine.runMutation(call, "client:1");
    expect(first.outcome).toEqual({ type: "value", value: first.ts });
    for (const n of upTo(10)) await insert(engine, 100 + n);
    await engine.close();
    const after = await open(folder);
    expect(await after.runMutation(call, "client:1")).toEqual(first);
    expect(after.count("", "rows")).toBe(11);
    await after.runMutation(call, "client:2");
    expect(after.count("", "rows")).toBe(12);
  });
});
