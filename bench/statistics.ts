import { seededInterleaving, seededRandom } from "../dev/backend/engine/interleaving.js";
import { startWorld, Writer, type World } from "../test/contention/world.js";
import { costRow, costTable, inPushes, SECOND, virtualWorld, type Virtual } from "./costs.js";
import { machine, table, type Figure } from "./measure.js";

const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const DOCUMENTS = 10_000;
const WRITERS = 100;

/** What statistics cost those who push, and what they cost in the background. */
export async function report(): Promise<string> {
  const figures = [...(await background()), ...(await conflicts())];
  const intro = `Made by \`npm run bench -- statistics\` on ${machine()}. Nothing here is a time: it is the same on any machine.`;
  return [
    "# Statistics",
    intro,
    await costs(),
    table(figures),
    "## What they were chosen over",
    ALTERNATIVES,
    "",
  ].join("\n\n");
}

/** One call of everything, on documents that have one entry each. */
async function costs(): Promise<string> {
  const virtual = await virtualWorld();
  const { world, wait } = virtual;
  const { metrics } = world.engine;
  const writer = new Writer(7);
  const rows: string[] = [];
  const measure = async (what: string, path: string, body: () => Promise<unknown>) => {
    metrics.reset();
    await body();
    rows.push(costRow(what, metrics.get(path), 1));
  };
  const ids = Array.from({ length: 200 }, (_, n) => `document-number-${n}-with-a-long-name`);
  const hundred = ids.slice(100);
  await inPushes(virtual, writer, ids.slice(0, 100), (id) => writer.insert(id));
  await world.run("tasks:fold", {});
  await wait(SECOND);
  const push = (...changes: ReturnType<Writer["insert"]>[]) => world.push(writer, ...changes);
  await measure("insert", "tasks:push", () => push(writer.insert("one more of the documents")));
  await measure("push of 100 inserts", "tasks:push", () =>
    push(...hundred.map((id) => writer.insert(id))),
  );
  await measure("push of 100 updates", "tasks:push", () =>
    push(...hundred.map((id) => writer.update(id, "new"))),
  );
  await measure("fold of these 3", "tasks:fold", () => world.run("tasks:fold", {}));
  for (const id of hundred) await push(writer.update(id, "newer"));
  await measure("fold of 100 pushes of one document", "tasks:fold", () =>
    world.run("tasks:fold", {}),
  );
  await measure("fold of nothing", "tasks:fold", () => world.run("tasks:fold", {}));
  await measure("the query", "tasks:statistics", () => world.query("tasks:statistics", {}));
  await world.close();
  return costTable("one call of", rows);
}

async function background(): Promise<Figure[]> {
  const virtual = await virtualWorld();
  const { world, wait } = virtual;
  const writer = new Writer(7);
  const ids = Array.from({ length: DOCUMENTS }, (_, n) => `d${n}`);
  await inPushes(virtual, writer, ids, (id) => writer.insert(id));
  await wait(10 * MINUTE);
  world.engine.metrics.reset();
  for (let n = 0; n < 100; n++) {
    await world.push(writer, writer.update("d0", `${n}`));
    await wait(SECOND);
  }
  await wait(5 * MINUTE);
  const busy = foldsOf(world);
  const { calls, documentsRead, bytesRead } = await count(virtual);
  world.engine.metrics.reset();
  await wait(DAY);
  const count10000 = `${calls} calls, ${documentsRead} documents and ${Math.round(bytesRead / 1_000)} KB read`;
  const figures = [
    {
      what: "function calls in the 6.7 minutes of 100 pushes, one a second",
      result: `${busy.calls}`,
    },
    { what: "function calls of a day without a push", result: `${foldsOf(world).calls}` },
    { what: `count of ${DOCUMENTS} documents`, result: count10000 },
  ];
  await world.close();
  return figures;
}

async function count({ world, wait }: Virtual) {
  world.engine.metrics.reset();
  await world.run("tasks:verify", {});
  await wait(SECOND);
  const first = world.engine.metrics.get("tasks:verify");
  const rest = foldsOf(world);
  return {
    calls: first.calls + rest.calls,
    documentsRead: first.documentsRead + rest.documentsRead,
    bytesRead: first.bytesRead + rest.bytesRead,
  };
}

/** What the cron's and the scheduled calls came to. */
function foldsOf(world: World) {
  const sum = { calls: 0, documentsRead: 0, bytesRead: 0 };
  for (const name of ["fold", "foldMore"]) {
    const metrics = world.engine.metrics.get(`replicate/statistics:${name}`);
    sum.calls += metrics.calls;
    sum.documentsRead += metrics.documentsRead;
    sum.bytesRead += metrics.bytesRead;
  }
  return sum;
}

async function conflicts(): Promise<Figure[]> {
  const world = await startWorld({}, { interleaving: seededInterleaving(seededRandom(1)) });
  const writers = Array.from({ length: WRITERS }, (_, n) => new Writer(n + 2));
  await Promise.all(writers.map((writer, n) => world.push(writer, writer.insert(`d${n}`))));
  const edits = writers.map((writer, n) => world.push(writer, writer.update(`d${n}`, "edited")));
  await Promise.all([...edits, world.run("tasks:verify", {})]);
  await world.engine.settle();
  const all = Object.values(world.engine.metrics.all());
  const found = all.reduce((sum, metrics) => sum + metrics.conflicts, 0);
  await world.close();
  const what = `conflicts of ${WRITERS} writers at once, and of a count of the log among them`;
  return [{ what, result: `${found}` }];
}

/** Throw-away prototypes beside the same pushes, on the same engine: nothing makes these again. */
const ALTERNATIVES = `Measured once, on 2026-11-21, with throw-away prototypes: a mutation that calls the same push and then the package, on the same engine and clock. What is added
to a push without statistics, when the package had rested before:

| | push of 1: ranges, read, written | push of 100 inserts: written, KB written | calls of 100 pushes, one a second | conflicts of 100 writers at once, at first and later |
| --- | --- | --- | --- | --- |
| aggregate 0.3.1, async, a call for each document | 5, 7, 6; while it is awake 2, 1, 1 | 100, 885 | 607 | 99, 0 |
| the same, \`enqueueBatch\` | 5, 7, 6; while it is awake 2, 1, 1 | 1, 17 | 607 | not measured |
| a row of sums, folded by batch-worker 0.3.4 | 4, 7, 6; while it is awake 1, 1, 1 | 1, 0.1 | 607 | 99, 0 |
| sharded-counter 0.2.1, three counters | 3, 6, 3 | 3, 0.3 | 0 | 311, 318; 7 and 9 of 100 pushes failed |
| a row of sums, folded by a cron | 0, 0, 1 | 1, 0.1 | 1, and 288 on any day | 0, 0 |

- A worker that a push wakes has to be told by a row that all pushes read. Whenever it had gone to sleep, all but one of 100 writers had to run again.
- Batch-worker's loop was not debounced, which is how aggregate runs it; a debounce makes fewer calls, not fewer conflicts.
- Following the log by commit timestamp needs no row of its own for what is appended, but reads every entry again (at least 300 B each, where a change has 100), and what removal, compaction and
  pruning take away leaves no trace to follow, so that they would write changes all the same. Not built.
- Sums would do for the fold. A change names its documents so that a count can take its time while others write: it knows for each change whether it has passed that document already. It is
  why the table above has some 100 B more for each of 100 documents.
- Size: the three packages are 342, 174 and 69 KB of \`dist\` and need nothing that is not here already (\`convex-helpers\` is a dependency of the first two); none is installed.`;
