// @vitest-environment node
import { expect, it, onTestFinished, vi } from "vitest";
import { startImports } from "./import-world.js";
import { Writer } from "./world.js";

const WAIT = { timeout: 60_000, interval: 20 };
const none = { waiting: 0, inserted: 0, replaced: 0, kept: 0, failed: 0, failures: [] };

async function newImports(maxParallelism = 4) {
  const imports = await startImports(maxParallelism);
  onTestFinished(() => imports.close());
  return imports;
}

const conflictsOf = async (imports: Awaited<ReturnType<typeof newImports>>, path: string) =>
  imports.world.engine.metrics.get(path).conflicts;

it("imports while clients push: nothing conflicts, and a device that is connected sees it all", async () => {
  const imports = await newImports();
  const device = imports.device();
  await device.preload();
  let over = false;
  await imports.seed({ from: 0, to: 2_000 });
  const writers = Array.from({ length: 20 }, (_, n) => new Writer(100 + n));
  const pushing = Promise.all(
    writers.map(async (writer, n) => {
      await imports.world.push(writer, writer.insert(`own-${n}`));
      for (let edit = 0; !over; edit++) {
        await imports.world.push(writer, writer.update(`own-${n}`, `edit ${edit}`));
      }
    }),
  );
  const status = await imports.finished();
  over = true;
  await pushing;
  expect(status).toEqual({ ...none, inserted: 2_000 });
  expect(await conflictsOf(imports, "tasks:push")).toBe(0);
  expect(await conflictsOf(imports, "workpool/worker:runMutationWrapper")).toBe(0);
  await vi.waitFor(() => expect(device.size).toBe(2_000 + writers.length), WAIT);
  expect(device.get("task-1999")).toMatchObject({ id: "task-1999", done: false });
  await device.cleanup();
});

it("goes on, when it is called again, after all its jobs were lost", async () => {
  const imports = await newImports();
  await imports.seedInVain({ from: 0, to: 1_000 });
  expect(await imports.status()).toEqual({ ...none, waiting: 1_000 });
  await imports.seed({ from: 0, to: 1_000 });
  expect(await imports.finished()).toEqual({ ...none, inserted: 1_000 });
  expect(await imports.world.logSize()).toMatchObject({ entries: 1_000 });
});

it("replaces only as many documents at once as Convex reads in a transaction", async () => {
  const imports = await newImports(1);
  // 30 documents of 600 KB: more than Convex reads in a transaction.
  const title = "x".repeat(600_000);
  await imports.seed({ from: 0, to: 30, title });
  expect(await imports.finished()).toEqual({ ...none, inserted: 30 });
  await imports.seed({ from: 0, to: 30, title: "short", existing: "replace" });
  expect(await imports.finished()).toEqual({ ...none, inserted: 30, replaced: 30 });
  const { failures } = imports.world.engine.metrics.get("tasks:importBatch");
  expect(failures).toBe(0);
});
