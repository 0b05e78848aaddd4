import { createConvexTestRuntime } from "../dev/backend/runtime-over-convex-test/index.js";
import { createEngine } from "../dev/backend/engine/engine.js";
import type { Runtime } from "../dev/backend/runtime.js";
import { ledgerApp } from "../test/engine/ledger.js";
import type { IndexRange, Step } from "../test/engine/programs/program.js";
import { fill, run } from "./documents.js";
import { median, ms, timeEach, type Figure } from "./measure.js";

const ROWS = 500;
const SIZES = [10_000, 100_000];
const TIMES = 50;
const FEW_TIMES = 3;

/** A page from the middle of a table, by index: paginated, and row by row. */
export async function pages(): Promise<Figure[]> {
  const engine = await createEngine(ledgerApp);
  const reference = await createConvexTestRuntime(ledgerApp);
  await Promise.all([engine.open(null), reference.open(null)]);
  const figures: Figure[] = [];
  let documents = 0;
  for (const size of SIZES) {
    for (const runtime of [engine, reference]) await fill(runtime, documents, size);
    documents = size;
    const ours = await measure(engine, size, TIMES);
    const theirs = await measure(reference, size, FEW_TIMES);
    for (const how of ["paginate", "take"] as const) {
      const ratio = (theirs[how] / ours[how]).toFixed(0);
      figures.push({
        what: `\`${how}\` ${ROWS} of ${size} documents`,
        result: `${ms(ours[how])}; convex-test ${ms(theirs[how])}, ${ratio} times as long`,
      });
    }
  }
  await Promise.all([engine.close(), reference.close()]);
  return figures;
}

async function measure(runtime: Runtime, documents: number, times: number) {
  const read = async (step: (from: IndexRange) => Step) =>
    median(
      await timeEach(times, (i) =>
        // Each time from elsewhere: no answer comes from the cache.
        run(runtime, { kind: "query", steps: [step(rangeFrom(documents / 2 + i))] }),
      ),
    );
  return {
    paginate: await read((index) => ({
      do: "page",
      query: { table: "rows", index },
      numItems: ROWS,
      cursor: null,
    })),
    take: await read((index) => ({
      do: "find",
      query: { table: "rows", index },
      end: { take: ROWS },
    })),
  };
}

function rangeFrom(uid: number): IndexRange {
  return { name: "by_uid", equal: [], lower: ["gte", "uid", ["value", uid]] };
}
