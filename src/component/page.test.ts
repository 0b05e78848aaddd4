import { expect, it } from "vitest";
import { MAX_PAGE_BYTES, MAX_PAGE_ROWS } from "./page.js";
import { append, entry, newLog, pages, patterned, stream } from "./setup.test.js";

const names = (count: number) => Array.from({ length: count }, (_, n) => `d${1_000 + n}`);

it("bounds a page in rows, whatever the caller asks for", async () => {
  const log = newLog();
  await append(log, ...names(MAX_PAGE_ROWS + 1).map((name) => entry(name)));
  for (const maxRows of [undefined, 1e9, Infinity, NaN, -1, 0.5]) {
    const page = await stream(log, maxRows === undefined ? {} : { maxRows });
    expect(page.done).toBe(false);
    expect(page.entries.length).toBeLessThanOrEqual(MAX_PAGE_ROWS);
    expect(page.entries.length).toBeGreaterThan(0);
  }
});

it("bounds a page in bytes, but always makes headway", async () => {
  const log = newLog();
  for (const name of names(5)) await append(log, entry(name, { bytes: patterned(900_000) }));
  const sizes = (await pages(log)).map((page) => page.entries.length);
  expect(sizes).toStrictEqual([2, 2, 1]);
  expect((await pages(log, { maxBytes: 1 })).map((page) => page.entries.length)).toStrictEqual([
    1, 1, 1, 1, 1,
  ]);
});

it("keeps within Convex's transaction limits for the fullest page", async () => {
  const log = newLog();
  const each = Math.floor(MAX_PAGE_BYTES / MAX_PAGE_ROWS);
  for (let n = 0; n < 3; n++) {
    await append(log, ...names(200).map((name) => entry(name, { bytes: patterned(each) })));
  }
  const page = await stream(log);
  expect(page.entries).toHaveLength(MAX_PAGE_ROWS);
});

it("tells how far it has come, never backwards, from 0 to 1", async () => {
  const log = newLog();
  for (const name of names(60)) await append(log, entry(name));
  const progress = (await pages(log, { maxRows: 1 })).map((page) => page.progress);
  expect(progress.length).toBeGreaterThan(3);
  expect(progress).toStrictEqual(progress.toSorted((a, b) => a - b));
  expect(progress[0]).toBeGreaterThanOrEqual(0);
  expect(progress[0]).toBeLessThan(1);
  expect(progress.at(-1)).toBe(1);
});
