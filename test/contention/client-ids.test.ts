// @vitest-environment node
import { expect, it, onTestFinished } from "vitest";
import { startWorld, Writer, type World } from "./world.js";

// What it costs to know whose a client id is (S3, docs/design.md).

const DOCUMENTS = Array.from({ length: 100 }, (_, n) => `document-${n}`);

async function newWorld() {
  const world = await startWorld();
  onTestFinished(() => world.close());
  return world;
}

/** Index ranges and documents that one push read, and documents it wrote. */
async function costOf(world: World, push: () => Promise<void>) {
  world.engine.metrics.reset();
  await push();
  const { databaseQueries, documentsRead, documentsWritten } =
    world.engine.metrics.get("tasks:push");
  return { ranges: databaseQueries, reads: documentsRead, writes: documentsWritten };
}

it("a push of a device reads one binding, whatever it brings; its first one writes it", async () => {
  const world = await newWorld();
  const writer = new Writer(7);
  const first = await costOf(world, () =>
    world.push(writer, ...DOCUMENTS.map((id) => writer.insert(id))),
  );
  // Per document a row to look for, a log, and a place in it; then the binding, and how many there are,
  // and the generations that were forgotten.
  // Written are a row and an entry each, what statistics are made of, and the binding.
  expect(first).toEqual({ ranges: 300 + 5, reads: 0, writes: 200 + 1 + 1 });
  const next = await costOf(world, () =>
    world.push(writer, ...DOCUMENTS.map((id) => writer.update(id, "next"))),
  );
  expect(next).toEqual({ ranges: 300 + 1, reads: 300 + 1, writes: 200 + 1 });
  const one = await costOf(world, () => world.push(writer, writer.update("document-0", "last")));
  expect(one).toMatchObject({ ranges: 3 + 1, writes: 3 });
});

it("a page that follows another notes itself once", async () => {
  const world = await newWorld();
  const writer = new Writer(7);
  await world.push(writer, writer.insert("a"));
  writer.sender.pageIds.unshift("next page");
  const first = await costOf(world, () => world.push(writer, writer.update("a", "one")));
  const second = await costOf(world, () => world.push(writer, writer.update("a", "two")));
  expect([first.writes, second.writes]).toEqual([4, 3]);
});

it("devices that send for the first time do not conflict", async () => {
  const world = await newWorld();
  world.engine.metrics.reset();
  const writers = DOCUMENTS.map((_, n) => new Writer(n + 2));
  await Promise.all(writers.map((writer, n) => world.push(writer, writer.insert(DOCUMENTS[n]!))));
  expect(world.engine.metrics.get("tasks:push").conflicts).toBe(0);
});
