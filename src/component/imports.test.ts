import type { FunctionArgs } from "convex/server";
import { expect, it } from "vitest";
import { api } from "./_generated/api.js";
import type { Id } from "./_generated/dataModel.js";
import { newLog, type Log } from "./setup.test.js";

type Batch = FunctionArgs<typeof api.imports.add>["batches"][number];

const rowsNamed = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ document: `d${n}`, values: `values ${n}` }));
const batchOf = (count: number, rest: Partial<Batch> = {}): Batch => ({
  key: "key",
  rows: rowsNamed(count),
  failures: [],
  ...rest,
});
const failed = (document: string) => ({ document, code: "INVALID_ROW", message: "wrong" });

const LONG = { timeout: 120_000 };

const ofImport = { collection: "tasks", name: "seed" };
const add = (log: Log, ...batches: Batch[]) =>
  log.mutation(api.imports.add, { ...ofImport, existing: "keep", batches });
const next = async (log: Log, batch: Id<"imports">) =>
  (await log.query(api.imports.next, { batch })).rows.map(({ document }) => document);
const halve = (log: Log, batch: Id<"imports">) =>
  log.mutation(api.imports.halve, { batch, message: "broke" });
const status = (log: Log) => log.query(api.imports.status, ofImport);

function record(log: Log, batch: Id<"imports">, inserted: number, ...documents: string[]) {
  const failures = documents.map(failed);
  const counts = { inserted, replaced: 0, kept: 0 };
  return log.mutation(api.imports.record, { batch, ...counts, failures, marks: [] });
}

const payloads = (log: Log) =>
  log.run(async (ctx) => (await ctx.db.query("payloads").collect()).length);

it("gives the rows of a batch, and forgets them when they are done", async () => {
  const log = newLog();
  const large = { document: "large", values: "ä".repeat(600_000) };
  const [batch] = await add(log, batchOf(0, { rows: [...rowsNamed(2), large] }));
  const given = await log.query(api.imports.next, { batch: batch! });
  expect(given.rows).toEqual([...rowsNamed(2), large]);
  expect(await payloads(log)).toBeGreaterThan(1);
  expect(await record(log, batch!, 3)).toBe(false);
  expect(await payloads(log)).toBe(0);
  expect(await next(log, batch!)).toEqual([]);
  expect(await status(log)).toMatchObject({ waiting: 0, inserted: 3 });
});

it("takes half as many rows after a failure, until the one that it fails on stands alone", async () => {
  const log = newLog();
  const [batch] = await add(log, batchOf(5));
  expect(await halve(log, batch!)).toBe(true);
  expect(await next(log, batch!)).toEqual(["d0", "d1", "d2"]);
  await record(log, batch!, 3);
  expect(await next(log, batch!)).toEqual(["d3", "d4"]);
  await halve(log, batch!);
  expect(await next(log, batch!)).toEqual(["d3"]);
  expect(await halve(log, batch!)).toBe(true);
  expect(await next(log, batch!)).toEqual(["d4"]);
  expect(await record(log, batch!, 1)).toBe(false);
  const failure = { document: "d3", code: "SERVER_ERROR", message: "broke" };
  expect(await status(log)).toMatchObject({ inserted: 4, failed: 1, failures: [failure] });
  // News of a failure that comes when all is done.
  expect(await halve(log, batch!)).toBe(false);
  expect(await payloads(log)).toBe(0);
});

it("grows again after a success", async () => {
  const log = newLog();
  const [batch] = await add(log, batchOf(20));
  for (let n = 0; n < 4; n++) await halve(log, batch!);
  const sizes = [];
  for (let rows = await next(log, batch!); rows.length > 0; rows = await next(log, batch!)) {
    sizes.push(rows.length);
    await record(log, batch!, rows.length);
  }
  expect(sizes).toEqual([2, 4, 8, 6]);
});

it("takes a batch once, and goes on with one that is not finished", async () => {
  const log = newLog();
  const first = await add(log, batchOf(3));
  expect(await add(log, batchOf(3))).toEqual(first);
  await record(log, first[0]!, 3);
  expect(await add(log, batchOf(3))).toEqual([]);
  expect(await status(log)).toMatchObject({ waiting: 0, inserted: 3 });
  expect(await payloads(log)).toBe(0);
});

it("tries once more what failed, and nothing else", async () => {
  const log = newLog();
  const [batch] = await add(log, batchOf(3, { failures: [failed("bad")] }));
  await record(log, batch!, 2, "d1");
  expect(await status(log)).toMatchObject({ inserted: 2, failed: 2 });
  expect(await add(log, batchOf(3, { failures: [failed("bad")] }))).toEqual([batch]);
  expect(await next(log, batch!)).toEqual(["d1"]);
  await record(log, batch!, 1);
  expect(await status(log)).toMatchObject({ inserted: 3, failed: 1, failures: [failed("bad")] });
});

it("does not try a row again that went in, because another of its name was wrong before", async () => {
  const log = newLog();
  const given = batchOf(1, { failures: [failed("d0")] });
  const [batch] = await add(log, given);
  await record(log, batch!, 1);
  expect(await add(log, given)).toEqual([]);
  expect(await status(log)).toMatchObject({ inserted: 1, failed: 1 });
});

it("forgets a failure once its row is handed in mended, in whatever batch", async () => {
  const log = newLog();
  await add(log, batchOf(0, { key: "one", failures: [failed("a"), failed("b")] }));
  await add(log, batchOf(1, { key: "two", rows: [{ document: "a", values: "mended" }] }));
  expect(await status(log)).toMatchObject({ waiting: 1, failed: 1, failures: [failed("b")] });
});

it("keeps imports of other names and tables apart", async () => {
  const log = newLog();
  await add(log, batchOf(1, { failures: [failed("a")] }));
  for (const other of [{ name: "other" }, { collection: "notes" }]) {
    const its = { ...ofImport, ...other };
    expect(await log.query(api.imports.status, its)).toMatchObject({ waiting: 0, failed: 0 });
    const batches = [batchOf(2, { rows: [{ document: "a", values: "v" }] })];
    const added = await log.mutation(api.imports.add, { ...its, existing: "keep", batches });
    expect(added).toHaveLength(1);
  }
  expect(await status(log)).toMatchObject({ waiting: 1, failed: 1 });
});

it(
  "takes batches in, and counts right what is mended, however many have failed before",
  LONG,
  async () => {
    const log = newLog();
    const names = Array.from({ length: 1_200 }, (_, n) => `d${String(n).padStart(4, "0")}`);
    await add(log, batchOf(0, { key: "failed", failures: names.map(failed) }));
    const rows = ["d0001", "d1199"].map((document) => ({ document, values: "mended" }));
    await add(log, batchOf(0, { key: "mended", rows }));
    expect(await status(log)).toMatchObject({ waiting: 2, failed: 1_198 });
    const others = Array.from({ length: 40 }, (_, n) =>
      batchOf(0, { key: `${n}`, rows: otherRows(n) }),
    );
    expect(await add(log, ...others)).toHaveLength(40);
  },
);

const otherRows = (batch: number) =>
  Array.from({ length: 50 }, (_, n) => ({ document: `other ${batch} ${n}`, values: "v" }));
