import { convexTest } from "convex-test";
import {
  actionGeneric,
  anyApi,
  componentsGeneric,
  queryGeneric,
  type ApiFromModules,
} from "convex/server";
import { v } from "convex/values";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { register } from "../test.js";
import { Replicate, type ImportFunction, type ImportPool } from "./index.js";
import {
  Device,
  expectEverywhere,
  push,
  schema,
  storedRow,
  streamAll,
  taskFields,
  type App,
} from "./setup.test.js";

const RUNS = Number(process.env["RUNS"] ?? 30);
const IDS = ["a", "b", "c", "d"];

type Job = { context: { self: string; batch: string } };

/** An app with a pool of which nobody knows when it does a job, whether at all, and how often. */
function newApp() {
  const jobs: Job[] = [];
  const pool: ImportPool = {
    enqueueMutation: (_ctx, _fn, args) => Promise.resolve(jobs.push(args as Job)),
  };
  const component = componentsGeneric()["replicate"] as unknown as ComponentApi;
  const tasks = new Replicate(component, "tasks", { fields: taskFields });
  const importBatch = anyApi["tasks"]!["importBatch"] as unknown as ImportFunction;
  const module = {
    ...tasks.functions(),
    importBatch: tasks.createImportMutation(pool),
    seed: actionGeneric({
      args: { given: v.any() },
      handler: (ctx, { given }) => tasks.importDocuments(ctx, importBatch, given as never),
    }),
    status: queryGeneric({
      args: { name: v.string() },
      handler: (ctx, { name }) => tasks.importStatus(ctx, name),
    }),
  };
  const app = convexTest({
    schema,
    modules: {
      "./_generated/api.ts": () => Promise.resolve({}),
      "./tasks.ts": () => Promise.resolve(module),
    },
    transactionLimits: true,
  });
  register(app as unknown as Parameters<typeof register>[0]);
  return { app: app as App, jobs };
}
const api = anyApi as unknown as ApiFromModules<{
  tasks: {
    seed: ReturnType<typeof actionGeneric>;
    status: ReturnType<typeof queryGeneric>;
    importBatch: ReturnType<Replicate<typeof taskFields>["createImportMutation"]>;
  };
}>;

const id = fc.constantFrom(...IDS);
const title = fc.constantFrom("x", "y", "z");
const call = fc.record({
  do: fc.constant("import" as const),
  name: fc.constantFrom("one", "two"),
  existing: fc.constantFrom("keep" as const, "replace" as const),
  rows: fc.uniqueArray(fc.record({ id, title }), { selector: (row) => row.id, maxLength: 4 }),
});
const step = fc.oneof(
  call,
  fc.record({ do: fc.constant("job" as const), which: fc.nat() }),
  fc.record({ do: fc.constant("lose" as const) }),
  fc.record({ do: fc.constant("fail" as const), which: fc.nat() }),
  fc.record({ do: fc.constant("edit" as const), id }),
  fc.record({ do: fc.constant("remove" as const), id }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play({ app, jobs }: ReturnType<typeof newApp>, device: Device, one: Step) {
  switch (one.do) {
    case "import": {
      const { name, existing, rows } = one;
      await app.action(api.tasks.seed, { given: { name, existing, rows } });
      return;
    }
    case "job":
      // It stays in the queue: it may run once more.
      if (jobs.length > 0)
        await app.mutation(api.tasks.importBatch, jobs[one.which % jobs.length]!);
      return;
    case "lose":
      jobs.length = 0;
      return;
    case "fail": {
      const result = { kind: "failed" as const, error: "broke" };
      const job = jobs[one.which % jobs.length];
      if (job) await app.mutation(api.tasks.importBatch, { ...job, result });
      return;
    }
    case "edit": {
      await device.pull(app);
      const edit = device.row(one.id) ? "update" : "insert";
      await push(app, device[edit](one.id, { title: `edited ${Math.random()}` }));
      return;
    }
    case "remove":
      await device.pull(app);
      if (device.row(one.id)) await push(app, device.remove(one.id));
  }
}

/** Calls every import again, and does its jobs to the end. */
async function finish({ app, jobs }: ReturnType<typeof newApp>, calls: readonly Call[]) {
  for (const { name, existing, rows } of calls) {
    await app.action(api.tasks.seed, { given: { name, existing, rows } });
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      await app.mutation(api.tasks.importBatch, job);
    }
  }
}

const everything = async (app: App) => ({
  rows: await Promise.all(IDS.map((one) => storedRow(app, one))),
  log: (await streamAll(app)).length,
  versions: await app.run(async (ctx) =>
    (await ctx.db.query("tasks").collect()).map((row) => [row.id, row.version]),
  ),
});

it("imports each row once, whatever happens to jobs and documents meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const world = newApp();
      const device = new Device(7);
      const calls = steps.filter((one) => one.do === "import");
      for (const one of steps) await play(world, device, one);
      await finish(world, calls);
      await finish(world, calls); // what had failed in a batch that was not finished

      const { app } = world;
      const settled = await everything(app);
      expect(new Set(settled.versions.map(([one]) => one)).size).toBe(settled.versions.length);
      for (const [index, one] of IDS.entries()) {
        await expectEverywhere(app, one, settled.rows[index] ?? null);
      }
      for (const name of ["one", "two"]) {
        expect(await app.query(api.tasks.status, { name })).toMatchObject({
          waiting: 0,
          failed: 0,
        });
      }
      // All documents change, and then every import comes again, its rows in other batches.
      for (const one of IDS) await play(world, device, { do: "edit", id: one });
      await play(world, device, { do: "remove", id: "a" });
      const edited = await everything(app);
      const newest = new Map(
        calls.flatMap(({ name, existing, rows }) =>
          rows.map((row) => [
            `${name} ${row.id}`,
            { do: "import" as const, name, existing, rows: [row] },
          ]),
        ),
      );
      await finish(world, [...newest.values()]);
      expect(await everything(app)).toEqual(edited);
    }),
    { numRuns: RUNS, seed: Number(process.env["SEED"] ?? 1) },
  );
});
