import { expect, it } from "vitest";
import { append, entry, newLog, patterned, read, stream } from "./setup.test.js";

const stateVector = patterned(5);
const tombstone = (document: string, generation = 1) =>
  entry(document, { kind: "tombstone", generation, bytes: stateVector });

it("knows nothing of a document that never was", async () => {
  expect(await read(newLog(), "a")).toStrictEqual([
    { generation: 0, live: false, updates: [], ended: [], long: false },
  ]);
});

it("answers for each document in the order asked for", async () => {
  const log = newLog();
  await append(log, entry("a"), entry("b", { generation: 3 }));
  const states = await read(log, "b", "none", "a");
  expect(states.map((state) => state.generation)).toStrictEqual([3, 0, 1]);
});

it("leaves of a removed document only its tombstone, payloads gone too", async () => {
  const log = newLog();
  await append(log, entry("a", { bytes: patterned(1_200_000) }), entry("b"));
  await append(log, entry("a"));
  await append(log, tombstone("a"));
  expect(await read(log, "a")).toStrictEqual([
    {
      generation: 1,
      live: false,
      updates: [],
      ended: [{ generation: 1, stateVector }],
      long: false,
    },
  ]);
  const { entries } = await stream(log);
  expect(entries.map(({ document, kind }) => [document, kind])).toStrictEqual([
    ["b", "update"],
    ["a", "tombstone"],
  ]);
  expect(await log.run((ctx) => ctx.db.query("payloads").collect())).toStrictEqual([]);
});

it("starts a clean generation after a tombstone, also within one commit", async () => {
  const log = newLog();
  await append(log, entry("a"));
  await append(log, tombstone("a"), entry("a", { generation: 2, bytes: patterned(9) }));
  expect(await read(log, "a")).toStrictEqual([
    {
      generation: 2,
      live: true,
      updates: [patterned(9)],
      ended: [{ generation: 1, stateVector }],
      long: false,
    },
  ]);
});

it("remembers every generation that ended", async () => {
  const log = newLog();
  for (const generation of [1, 2, 3]) {
    await append(log, entry("a", { generation }));
    await append(log, tombstone("a", generation));
  }
  const [state] = await read(log, "a");
  expect(state!.ended.map((end) => end.generation)).toStrictEqual([1, 2, 3]);
  expect(state!.live).toBe(false);
});

it("ends all parts of a document at once", async () => {
  const log = newLog();
  await append(log, entry("a"), entry("a", { part: "body" }));
  await append(log, tombstone("a"));
  expect((await stream(log)).entries.map((one) => one.kind)).toStrictEqual(["tombstone"]);
});
