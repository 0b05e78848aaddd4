import { getConvexSize, type Value } from "convex/values";
import * as Y from "yjs";
import { FIELDS_PART } from "../src/shared/plain-part.js";
import { toArrayBuffer } from "../src/shared/values.js";
import { ROW, startWorld, Writer, type World } from "../test/contention/world.js";
import { costRow, costTable, inPushes, SECOND, virtualWorld, type Virtual } from "./costs.js";
import { machine, table, type Figure } from "./measure.js";

const DAY = 24 * 60 * 60 * SECOND;

const EDITS = 100_000;
const DOCUMENTS = 1_000;

/** What compaction leaves of long histories, and what it and everything else costs. */
export async function report(): Promise<string> {
  const sections: string[] = [];
  for (const [title, run] of Object.entries({
    "What is left of a long history": growth,
    "What a function costs": costs,
    "A large document of which one field has changed": largeDocument,
    "How often to compact": thresholds,
    "By the push, or by a worker": worker,
  })) {
    const section = `## ${title}\n\n${await run()}`;
    console.log(section);
    sections.push(section);
  }
  const intro = `Made by \`npm run bench -- compaction\` on ${machine()}. Nothing here is a time: but for conflicts, it is the same on any machine.`;
  return ["# Compaction", intro, ...sections, ""].join("\n\n");
}

async function growth(): Promise<string> {
  const one = await virtualWorld();
  const figures: Figure[] = [];
  const writer = new Writer(7);
  await one.world.push(writer, writer.insert("a"));
  for (let n = 1; n <= EDITS; n++) {
    await one.wait(SECOND);
    await one.world.push(writer, writer.update("a", `Edit number ${n}`));
    if ([500, 1_000, 10_000, EDITS].includes(n)) {
      const what = `log of one document after ${n} edits, one a second`;
      figures.push({ what, result: await size(one.world) });
    }
  }
  await sweep(one);
  figures.push({ what: "the same after the sweep", result: await size(one.world) });
  const state = writer.stateSize("a");
  figures.push({ what: "its state without any history", result: `${state} bytes` });
  await one.world.close();
  return table([...figures, ...(await manyDocuments())]);
}

async function manyDocuments(): Promise<Figure[]> {
  const many = await virtualWorld();
  const writer = new Writer(7);
  const ids = Array.from({ length: DOCUMENTS }, (_, n) => `d${n}`);
  await inPushes(many, writer, ids, (id) => writer.insert(id));
  for (let n = 0; n < EDITS / DOCUMENTS; n++) {
    await inPushes(many, writer, ids, (id) => writer.update(id, `${id} edited ${n} times`));
  }
  const states = ids.reduce((total, id) => total + writer.stateSize(id), 0);
  const compare = async (what: string) => {
    const { bytes } = await many.world.logSize();
    const ratio = (bytes / states).toFixed(2);
    return { what, result: `${await size(many.world)}, ${ratio} times the states' ${states}` };
  };
  const figures = [await compare(`log of ${DOCUMENTS} documents after ${EDITS} edits`)];
  await sweep(many);
  figures.push(await compare("the same after the sweep"));
  await many.world.close();
  return figures;
}

async function sweep({ world, wait }: Virtual) {
  await wait(DAY / 2);
  await world.run("tasks:sweep", {});
  await wait(SECOND);
}

async function size(world: World): Promise<string> {
  const { entries, bytes } = await world.logSize();
  return `${entries} entries, ${bytes} bytes`;
}

/** One call of everything, on documents that have a snapshot and nothing else. */
async function costs(): Promise<string> {
  // Pushes leave long logs alone here, so that there is something to compact.
  const { world, wait } = await virtualWorld({ entries: 500 });
  const { metrics } = world.engine;
  const writer = new Writer(7);
  const rows: string[] = [];
  const measure = async (what: string, path: string, body: () => Promise<unknown>) => {
    await wait(SECOND);
    metrics.reset();
    await body();
    rows.push(costRow(what, metrics.get(path), 1));
  };
  const ids = Array.from({ length: 500 }, (_, n) => `d${n}`);
  await inPushes({ world, wait }, writer, ids.slice(200), (id) => writer.insert(id));
  const hundred = ids.slice(0, 100);
  const push = (...changes: ReturnType<Writer["insert"]>[]) => world.push(writer, ...changes);
  await measure("insert", "tasks:push", () => push(writer.insert("d100")));
  await measure("update", "tasks:push", () => push(writer.update("d100", "new")));
  await measure("remove", "tasks:push", () =>
    push({ document: "d100", generation: 1, op: "remove", parts: [] }),
  );
  await measure("push of 100 inserts", "tasks:push", () =>
    push(...hundred.map((id) => writer.insert(id))),
  );
  await measure("push of 100 updates", "tasks:push", () =>
    push(...hundred.map((id) => writer.update(id, "new"))),
  );
  await measure("stream page of 500, with rows", "tasks:stream", () => world.page(null));
  for (const entries of [32, 500]) {
    await push(writer.insert(`long ${entries}`));
    for (let n = 1; n < entries; n++) await push(writer.update(`long ${entries}`, `${n}`));
    await measure(`compaction of ${entries} entries`, "tasks:compact", () =>
      world.run("tasks:compact", { documents: [`long ${entries}`], entries: 1, minAgeMs: 0 }),
    );
  }
  await world.close();
  return costTable("one call of", rows);
}

/** What it takes to bring a client up to date that has all of a document of 1 MB but its newest title. */
export async function largeDocument(): Promise<string> {
  const { world, wait } = await virtualWorld();
  const { metrics } = world.engine;
  const writer = new Writer(7);
  await world.push(writer, writer.insert("a", { ...ROW, notes: "x".repeat(1_000_000) }));
  const { cursor } = await world.page(null);
  const stateVector = toArrayBuffer(Y.encodeStateVector(writer.document("a")));
  await world.push(writer, writer.update("a", "new"));
  await wait(SECOND);
  await world.run("tasks:compact", { documents: ["a"], entries: 1, minAgeMs: 0 });

  const rows: string[] = [];
  const measure = async (what: string, path: string, args: Record<string, Value>) => {
    metrics.reset();
    const answer = await world.query(path, args);
    const kilobytes = (getConvexSize(answer) / 1_000).toFixed(1);
    rows.push(`${costRow(what, metrics.get(path), 1)} ${kilobytes} |`);
  };
  await measure("stream, whole", "tasks:stream", { cursor });
  await measure("stream, with stubs", "tasks:stream", { cursor, stubs: true });
  const held = { document: "a", generation: 1, stateVector };
  await measure("recover", "tasks:recover", { part: FIELDS_PART, documents: [held] });
  await world.close();
  const [head, line] = costTable("one call of", []).split("\n");
  return [`${head} KB of answer |`, `${line} --- |`, ...rows].join("\n");
}

const HOT_EDITS = 2_000;

/** What a push of a busy document costs, all included, for different thresholds. */
async function thresholds(): Promise<string> {
  const rows: string[] = [];
  for (const entries of [8, 16, 32, 64, 128, 500]) {
    const { world, wait } = await virtualWorld({ entries });
    const writer = new Writer(7);
    await world.push(writer, writer.insert("a"));
    world.engine.metrics.reset();
    for (let n = 0; n < HOT_EDITS; n++) {
      await wait(SECOND);
      await world.push(writer, writer.update("a", `Edit number ${n}`));
    }
    rows.push(costRow(`${entries}`, world.engine.metrics.get("tasks:push")));
    await world.close();
  }
  const state = JSON.stringify(ROW).length;
  return `${costTable("`entries`", rows)}\n\nPer push, over ${HOT_EDITS} edits of one document of ${state} bytes, one a second.`;
}

/** The same edits, compacted by whoever finds the log long, or by a function scheduled for it. */
async function worker(): Promise<string> {
  const rows: string[] = [];
  const edits = async (world: World, each: (n: number) => Promise<unknown>) => {
    const writer = new Writer(7);
    await world.push(writer, writer.insert("a"));
    world.engine.metrics.reset();
    for (let n = 0; n < HOT_EDITS; n++) {
      await Promise.all([world.push(writer, writer.update("a", `Edit number ${n}`)), each(n)]);
    }
    return world.engine.metrics;
  };
  const byPush = await startWorld({ minAgeMs: 0 });
  const pushed = await edits(byPush, () => Promise.resolve());
  rows.push(costRow("pushes that compact", pushed.get("tasks:push")));
  await byPush.close();

  const byWorker = await startWorld({ entries: 500 });
  const args = { documents: ["a"], entries: 32, minAgeMs: 0 };
  const worked = await edits(byWorker, (n) =>
    n % 32 === 31 ? byWorker.run("tasks:compact", args) : Promise.resolve(null),
  );
  rows.push(costRow("pushes beside a worker", worked.get("tasks:push")));
  const compactions = worked.get("tasks:compact");
  rows.push(costRow("the worker, per push", compactions, HOT_EDITS));
  await byWorker.close();
  return `${costTable("per push", rows)}\n\nThe worker is ${compactions.calls} function calls more, for ${HOT_EDITS} pushes.`;
}
