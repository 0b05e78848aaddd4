import { expect, it } from "vitest";
import { api } from "./_generated/api.js";
import {
  entry,
  fingerprint,
  newLog,
  pages,
  patterned,
  read,
  stream,
  type NewEntry,
} from "./setup.test.js";

const collection = "tasks";

it("keeps apart what several calls in one transaction append to one document", async () => {
  const log = newLog();
  const calls: NewEntry[] = [
    entry("a", { bytes: patterned(1_200_000) }),
    entry("a", { bytes: patterned(700_000) }),
    entry("a", { bytes: patterned(1) }),
  ];
  await log.mutation(async (ctx) => {
    for (const one of calls) await ctx.runMutation(api.log.append, { collection, entries: [one] });
  });
  const whole = calls.map((one) => fingerprint(one.bytes));
  expect((await read(log, "a"))[0]!.updates.map(fingerprint)).toEqual(whole);
  const streamed = (await pages(log)).flatMap((page) => page.entries);
  expect(streamed.map((one) => fingerprint(one.bytes))).toEqual(whole);
});

it("appends nothing of a call that failed and was caught", async () => {
  const log = newLog();
  await log.mutation(async (ctx) => {
    await ctx.runMutation(api.log.append, { collection, entries: [entry("a")] });
    const bad = { collection, entries: [entry("b"), { kind: "nonsense" } as unknown as NewEntry] };
    await expect(ctx.runMutation(api.log.append, bad)).rejects.toThrow();
  });
  expect((await stream(log)).entries.map((one) => one.document)).toStrictEqual(["a"]);
});
