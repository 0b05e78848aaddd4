import { expect, it } from "vitest";
import { CHUNK_BYTES, INLINE_BYTES } from "./bytes.js";
import { append, entry, fingerprint, newLog, patterned, read, stream } from "./setup.test.js";

it("gives back what was appended, in the order of commits", async () => {
  const log = newLog();
  const first = await append(log, entry("b"), entry("a"));
  const second = await append(log, entry("a", { bytes: patterned(3) }));
  expect(second as bigint).toBeGreaterThan(first as bigint);
  const { entries, done } = await stream(log);
  expect(done).toBe(true);
  // Within one commit by document, across commits by time.
  expect(entries.map((one) => one.document)).toStrictEqual(["a", "b", "a"]);
  expect(entries[2]).toStrictEqual({
    document: "a",
    part: "fields",
    generation: 1,
    kind: "update",
    bytes: patterned(3),
  });
});

it("keeps collections and scopes apart", async () => {
  const log = newLog();
  await append(log, entry("mine"), entry("elsewhere", { scope: "other" }));
  expect((await stream(log)).entries.map((one) => one.document)).toStrictEqual(["mine"]);
  expect((await stream(log, { scope: "other" })).entries).toHaveLength(1);
  expect((await stream(log, { collection: "notes" })).entries).toStrictEqual([]);
});

it("keeps the order of several entries of one document in one commit", async () => {
  const log = newLog();
  await append(log, ...[1, 2, 3].map((n) => entry("a", { bytes: patterned(n) })));
  const [state] = await read(log, "a");
  expect(state!.updates).toStrictEqual([1, 2, 3].map(patterned));
});

it.each([
  ["nothing", 0, 1, 0],
  ["what fits in the row", INLINE_BYTES, 1, 0],
  ["what just does not", INLINE_BYTES + 1, 1, 1],
  ["one slice", CHUNK_BYTES, 1, 1],
  ["1.5 MiB", 1.5 * 1024 * 1024, 3, 3],
  ["a slice that leaves a small rest", CHUNK_BYTES + 1, 2, 1],
])("stores %s and reads it back", async (_what, size, rows, payloads) => {
  const log = newLog();
  await append(log, entry("a", { bytes: patterned(size) }));
  const stored = await log.run(async (ctx) => ({
    rows: await ctx.db.query("updates").collect(),
    payloads: await ctx.db.query("payloads").collect(),
  }));
  expect([stored.rows.length, stored.payloads.length]).toStrictEqual([rows, payloads]);
  expect(stored.rows.reduce((total, row) => total + row.size, 0)).toBe(size);
  const page = await stream(log);
  const whole = [fingerprint(patterned(size))];
  expect(page.entries.map((one) => fingerprint(one.bytes))).toEqual(whole);
  expect((await read(log, "a"))[0]!.updates.map(fingerprint)).toEqual(whole);
});
