import { machine, table, time, type Figure } from "./measure.js";
import { startImports, type Imports } from "../test/contention/import-world.js";
import { Writer } from "../test/contention/world.js";

const ROWS = 10_000;
const WRITERS = 20;
const PARALLELISM = [1, 4, 10];

/** What an import of 10,000 rows takes, and what it costs others. */
export async function report(): Promise<string> {
  const sections: string[] = [];
  for (const [title, run] of Object.entries({
    [`${ROWS} rows of about 300 bytes`]: alone,
    [`The same beside ${WRITERS} clients that push all the time`]: beside,
  })) {
    const section = `## ${title}\n\n${await run()}`;
    console.log(section);
    sections.push(section);
  }
  const intro = `Made by \`npm run bench -- import\` on ${machine()}: the real functions and workpool on the embedded backend, where a scheduled function starts at once. Times are of one round, on a machine that others used as well; counts are the same anywhere.`;
  return ["# Bulk import", intro, ...sections, ""].join("\n\n");
}

async function alone(): Promise<string> {
  const figures: Figure[] = [];
  for (const parallelism of PARALLELISM) {
    const imports = await startImports(parallelism);
    const took = await seconds(() => runToEnd(imports));
    figures.push({ what: `\`maxParallelism: ${parallelism}\`, until all are in`, result: took });
    if (parallelism === 4) figures.push(...(await costs(imports)));
    await imports.close();
  }
  return table(figures);
}

async function costs(imports: Imports): Promise<Figure[]> {
  const all = Object.entries(imports.world.engine.metrics.all());
  const calls = (prefix: string) =>
    all.filter(([path]) => path.startsWith(prefix)).reduce((sum, [, one]) => sum + one.calls, 0);
  const batch = imports.world.engine.metrics.get("tasks:importBatch");
  const conflicts = all.reduce((sum, [, one]) => sum + one.conflicts, 0);
  const figures = [
    { what: "function calls of the app", result: `${calls("tasks:")}` },
    { what: "function calls of workpool until then", result: `${calls("workpool/")}` },
    {
      what: "batches, and calls that took them in",
      result: `${batch.nestedCalls} + ${batch.calls}`,
    },
    { what: "documents written by them", result: `${batch.documentsWritten}` },
    { what: "documents read by them", result: `${batch.documentsRead}` },
    { what: "index ranges of them", result: `${batch.databaseQueries}` },
    { what: "conflicts, of any function", result: `${conflicts}` },
  ];
  imports.world.engine.metrics.reset();
  const took = await seconds(() => runToEnd(imports));
  const again = imports.world.engine.metrics.get("tasks:importBatch");
  const { entries } = await imports.world.logSize();
  return [
    ...figures,
    {
      what: "the same import called again",
      result: `${took}, ${again.documentsWritten} documents written`,
    },
    { what: "entries in the log then", result: `${entries}` },
  ];
}

async function beside(): Promise<string> {
  const imports = await startImports(4);
  const { world } = imports;
  const device = imports.device();
  await device.preload();
  const writers = Array.from({ length: WRITERS }, (_, n) => new Writer(100 + n));
  await Promise.all(writers.map((writer, n) => world.push(writer, writer.insert(`own-${n}`))));
  world.engine.metrics.reset();

  let over = false;
  let shown = "";
  const seen = seconds(() => until(() => device.size === ROWS + WRITERS)).then((s) => (shown = s));
  const pushing = writers.map(async (writer, n) => {
    for (let edit = 0; !over; edit++) {
      await world.push(writer, writer.update(`own-${n}`, `edit ${edit}`));
    }
  });
  const took = await seconds(() => runToEnd(imports));
  over = true;
  await Promise.all(pushing);
  await seen;
  const { calls, conflicts } = world.engine.metrics.get("tasks:push");
  const wrapper = world.engine.metrics.get("workpool/worker:runMutationWrapper");
  await device.cleanup();
  await imports.close();
  return table([
    { what: "until all are in", result: took },
    { what: "until a connected client shows all of them", result: shown },
    { what: "pushes meanwhile", result: `${calls}` },
    { what: "conflicts of pushes", result: `${conflicts}` },
    { what: "conflicts of batches", result: `${wrapper.conflicts}` },
  ]);
}

async function runToEnd(imports: Imports): Promise<void> {
  await imports.seed({ from: 0, to: ROWS });
  const { inserted } = await imports.finished();
  if (inserted !== ROWS) throw new Error(`${inserted} of ${ROWS} rows were imported.`);
}

async function seconds(body: () => Promise<unknown>): Promise<string> {
  return `${((await time(body)) / 1000).toFixed(1)} s`;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
