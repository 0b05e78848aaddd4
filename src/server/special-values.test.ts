// @vitest-environment node
// In the edge runtime buffers come from another realm, and no `instanceof` knows them.

import type { Value } from "convex/values";
import { expect, it } from "vitest";
import { exact } from "../shared/arbitraries.test.js";
import { accepted, Device, newApp, push, storedRow, streamAll } from "./setup.test.js";

const values: Record<string, Value> = {
  bytes: new Uint8Array([0, 255, 7]).buffer,
  smallest: -(2n ** 63n),
  largest: 2n ** 63n - 1n,
  nan: NaN,
  infinity: -Infinity,
  zero: -0,
  nothing: null,
  text: "ünïcode 😀 \u0000",
  nested: [{ a: [new ArrayBuffer(0), 1n] }],
};

it.each(Object.entries(values))("%s survives table, log, rows and hooks", async (_name, data) => {
  const seen: unknown[] = [];
  const app = newApp({ onInsert: (_ctx, { next }) => void seen.push(exact(next.data as Value)) });
  const ann = new Device(7);
  await push(app, ann.insert("a", { title: "t", data }));
  const bob = new Device(8);
  await bob.pull(app);
  const [entry] = await streamAll(app, true);
  const rows = [await storedRow(app, "a"), bob.row("a"), entry!.row as typeof values];
  for (const row of rows) seen.push(exact(row!["data"]));
  expect(seen).toEqual([1, 2, 3, 4].map(() => exact(data)));

  // What comes back from the table is no direct edit of it.
  expect(await push(app, bob.update("a", { done: true }))).toEqual([accepted]);
  expect(await streamAll(app)).toHaveLength(2);
  await ann.pull(app);
  expect(exact(ann.row("a"))).toEqual(exact({ title: "t", done: true, data }));
});
