// @vitest-environment node
import { describe, expect, it, onTestFinished } from "vitest";
import type { Clock } from "../../dev/backend/engine/clock.js";
import { seededInterleaving, seededRandom } from "../../dev/backend/engine/interleaving.js";
import { impatientClock } from "../engine/clock.js";
import { startWorld, Writer, type World } from "./world.js";

// What runs at the same time conflicts only where it has to: over the same document (S1).

const WRITERS = 100;
const ROUNDS = 10;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** On the engine transactions really interleave; conflicts show in its metrics. */
async function newWorld() {
  let offset = 0;
  const { at } = impatientClock();
  const now = () => Date.now() + offset;
  const clock: Clock = {
    now,
    // Backoffs and scheduled functions come at once, crons never by themselves.
    at: (time, callback) => (time - now() < MINUTE ? at(time, callback) : () => undefined),
  };
  const interleaving = seededInterleaving(seededRandom(1));
  const world = await startWorld({ entries: 500 }, { clock, interleaving });
  onTestFinished(() => world.close());
  return { world, wait: (ms: number) => void (offset += ms) };
}

const conflicts = (world: World) =>
  Object.values(world.engine.metrics.all()).reduce((sum, metrics) => sum + metrics.conflicts, 0);

describe(`${WRITERS} writers at once`, () => {
  const writers = Array.from({ length: WRITERS }, (_, n) => new Writer(100 + n));

  it("have no conflict over different documents, new and old", async () => {
    const { world } = await newWorld();
    await Promise.all(writers.map((writer, n) => world.push(writer, writer.insert(`d${n}`))));
    await Promise.all(
      writers.map((writer, n) => world.push(writer, writer.update(`d${n}`, "edited"))),
    );
    expect(conflicts(world)).toBe(0);
    expect(await world.logSize()).toMatchObject({ entries: 2 * WRITERS });
  });

  it("have none while statistics are made of what they write, and are counted anew", async () => {
    const { world } = await newWorld();
    await Promise.all(writers.map((writer, n) => world.push(writer, writer.insert(`s${n}`))));
    const edits = writers.map((writer, n) => world.push(writer, writer.update(`s${n}`, "edited")));
    await Promise.all([...edits.slice(50), world.run("tasks:verify", {}), ...edits.slice(0, 50)]);
    await world.engine.settle();
    expect(conflicts(world)).toBe(0);
    await world.run("tasks:fold", {});
    const size = { documents: WRITERS, ...(await world.logSize()) };
    expect(await world.query("tasks:statistics", {})).toMatchObject(size);
  });

  it("would fail if their log counted its entries", async () => {
    const { world } = await newWorld();
    const writes = writers.map((_, n) => world.run("numbered:append", { document: `d${n}` }));
    const failed = (await Promise.allSettled(writes)).filter(({ status }) => status === "rejected");
    expect(conflicts(world)).toBeGreaterThan(WRITERS);
    // Convex gives up after four retries.
    expect(failed.length).toBeGreaterThan(WRITERS / 2);
  });
});

describe("a push", () => {
  /** Updates a document that was just inserted, while something else runs, again and again. */
  async function together(
    other: (world: World, writer: Writer, document: string) => Promise<unknown>,
    prepare: (world: World, writer: Writer, document: string) => Promise<unknown> = () =>
      Promise.resolve(),
  ) {
    const { world, wait } = await newWorld();
    const [one, two] = [new Writer(7), new Writer(8)];
    await world.push(two, two.insert("b"));
    for (let round = 0; round < ROUNDS; round++) {
      const id = `a${round}`;
      await world.push(one, one.insert(id));
      await prepare(world, two, id);
      wait(HOUR);
      await Promise.all([world.push(one, one.update(id, "edited")), other(world, two, id)]);
      await world.engine.settle();
    }
    return conflicts(world);
  }

  const compact = (world: World, document: string) =>
    world.run("tasks:compact", { documents: [document], entries: 1, minAgeMs: 0 });
  const editB = (world: World, two: Writer) => world.push(two, two.update("b", "edited"));
  const editBOften = async (world: World, two: Writer) => {
    for (let n = 0; n < 4; n++) await editB(world, two);
  };
  const insertAlike = (world: World, two: Writer, id: string) =>
    world.push(two, two.insert(`${id} too`));
  const insertAgain = (world: World, two: Writer, id: string) => world.push(two, two.insert(id));
  const sweep = (world: World) => world.run("tasks:sweep", {});
  const fold = (world: World) => world.run("tasks:fold", {});
  const verify = (world: World) => world.run("tasks:verify", {});

  const prune = async (world: World) => {
    await world.run("tasks:prune", {});
    await world.engine.settle();
  };
  const removals = async (world: World, two: Writer, id: string) => {
    for (let n = 0; n < 4; n++) {
      await world.push(two, two.insert(`${id} gone ${n}`));
      await world.push(two, two.remove(`${id} gone ${n}`));
    }
  };
  const insertWhilePruning = (world: World, two: Writer, id: string) =>
    Promise.all([prune(world), insertAlike(world, two, id)]);

  it.each([
    ["a push to another document", editB, undefined],
    ["a push that inserts another", insertAlike, undefined],
    ["compaction of another", (world: World) => compact(world, "b"), editBOften],
    ["a sweep of others", sweep, editBOften],
    ["a fold into statistics", fold, editB],
    ["a count of the whole log", verify, editB],
    ["pruning of others, also when it inserts one", insertWhilePruning, removals],
  ])("has no conflict with %s", async (_what, other, prepare) => {
    expect(await together(other, prepare)).toBe(0);
  });

  it("conflicts with a push to the same document, and both get through", async () => {
    expect(await together(insertAgain)).toBeGreaterThan(0);
  });

  it("conflicts with compaction of the same document, and both get through", async () => {
    const { world } = await newWorld();
    const writer = new Writer(7);
    await world.push(writer, writer.insert("a"));
    for (let round = 0; round < ROUNDS; round++) {
      for (let n = 0; n < 3; n++) await world.push(writer, writer.update("a", `${n}`));
      const push = world.push(writer, writer.update("a", `at once ${round}`));
      await Promise.all([push, compact(world, "a")]);
    }
    // It is always the push that is retried: what is appended meanwhile is no business of a compaction.
    expect(world.engine.metrics.get("tasks:push").conflicts).toBeGreaterThan(0);
    expect(world.engine.metrics.get("tasks:compact").conflicts).toBe(0);
    expect((await world.logSize()).entries).toBeLessThan(3 * ROUNDS);
  });
});

it("compaction and sweep have no conflict over different documents", async () => {
  const { world, wait } = await newWorld();
  const writer = new Writer(7);
  for (const id of ["a", "b", "c"]) {
    await world.push(writer, writer.insert(id));
    for (let n = 0; n < 3; n++) await world.push(writer, writer.update(id, `${n}`));
  }
  const compact = (id: string) =>
    world.run("tasks:compact", { documents: [id], entries: 1, minAgeMs: 0 });
  await Promise.all(["a", "b"].map(compact));
  wait(HOUR);
  await world.run("tasks:sweep", {});
  await world.engine.settle();
  expect(conflicts(world)).toBe(0);
  expect(await world.logSize()).toMatchObject({ entries: 3 });
});
