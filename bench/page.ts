import { createConvexTestRuntime } from "../dev/backend/convex-test-runtime.js";
import { createEngine } from "../dev/backend/engine/engine.js";
import type { Runtime } from "../dev/backend/runtime.js";
import { ledgerApp } from "../test/engine/ledger.js";
import type { IndexRange, Step } from "../test/engine/programs/program.js";
import { fill, run } from "./documents.js";
import { median, ms, timeEach, type Figure } from "./measure.js";

const ROWS = 500;
const MANY = 100_000;
/** Filling convex-test, and reading from it, takes longer with each document. */
const AS_MANY_AS_CONVEX_TEST_BEARS = 10_000;
const TIMES = 50;
const FEW_TIMES = 3;

/** A page from the middle of a table, by index: paginated, and row by row. */
export async function pages(): Promise<Figure[]> {
  const engine = await createEngine(ledgerApp, { limits: { nesting: Infinity } });
  await engine.open(null);
  await fill(engine, AS_MANY_AS_CONVEX_TEST_BEARS);
  const few = await measure(engine, AS_MANY_AS_CONVEX_TEST_BEARS, TIMES);
  await fill(engine, MANY - AS_MANY_AS_CONVEX_TEST_BEARS);
  const many = await measure(engine, MANY, TIMES);
  await engine.close();

  const reference = await createConvexTestRuntime(ledgerApp);
  await reference.open(null);
  await fill(reference, AS_MANY_AS_CONVEX_TEST_BEARS);
  const slow = await measure(reference, AS_MANY_AS_CONVEX_TEST_BEARS, FEW_TIMES);
  await reference.close();

  return (["paginate", "take"] as const).flatMap((how) => [
    { what: `\`${how}\` ${ROWS} of ${MANY} documents`, result: ms(many[how]) },
    {
      what: `\`${how}\` ${ROWS} of ${AS_MANY_AS_CONVEX_TEST_BEARS} documents`,
      result: `${ms(few[how])}; convex-test ${ms(slow[how])}: ${Math.round(slow[how] / few[how])} times as long`,
    },
  ]);
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
