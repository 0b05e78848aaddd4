import type { FunctionArgs, Runtime } from "../../dev/backend/runtime.js";
import type { Value } from "convex/values";
import { insertRow, row } from "./ledger.js";
import type { End, IndexRange, Operand, Program, Query, Step } from "./programs/program.js";
import type { Random } from "./programs/random.js";

const GROUPS = ["a", "b"];
const MAX_N = 12;

/** One run of a concurrent history: at which time it seems to have happened, and what came of it. */
export interface Entry {
  program: Program;
  value: Value;
  ts: bigint;
}

/**
 * Reads and writes few rows, so that histories collide, and writes what it read: the sum of it is in
 * the rows it inserts.
 */
export function contendingProgram(random: Random, nextUid: () => number): Program {
  if (random.chance(0.15)) {
    const find = (): Step => ({ do: "find", query: query(random), end: end(random) });
    return { kind: "query", steps: random.list(2, find) };
  }
  const steps = random.list(1 + random.int(3), () => contendingStep(random, nextUid));
  return { kind: "mutation", steps: [...steps, insertRow("log", 0, nextUid())] };
}

function contendingStep(random: Random, nextUid: () => number): Step {
  const choice = random.int(10);
  if (choice < 3) {
    const n: Operand = random.chance(0.5) ? ["value", random.int(MAX_N)] : ["tally"];
    return { do: "insert", table: "rows", fields: row(random.pick(GROUPS), n, nextUid()) };
  }
  if (choice === 3) return { do: "page", query: query(random), numItems: 2, cursor: null };
  if (choice === 4) {
    const steps = [contendingStep(random, nextUid), ...(random.chance(0.4) ? [UNDO] : [])];
    const target = random.pick(["own", "inner"] as const);
    const isStale = false;
    return { do: "try", step: { do: "call", kind: "mutation", target, isStale, steps } };
  }
  const find: Step = { do: "find", query: query(random), end: end(random) };
  if (choice < 7) return find;
  const n: Operand = random.chance(0.5) ? ["value", random.int(MAX_N)] : ["tally"];
  return { ...find, then: random.chance(0.3) ? "delete" : { patch: { n, ts: ["commitTs"] } } };
}

const allRows: Step = {
  do: "find",
  query: { table: "rows", index: { name: "by_uid", equal: [] } },
  end: "collect",
};

const UNDO: Step = { do: "throw", message: "undo" };

function query(random: Random): Query {
  const index: IndexRange = {
    name: "by_group",
    equal: [["group", ["value", random.pick(GROUPS)]]],
  };
  const bound = (): Operand => ["value", random.int(MAX_N)];
  if (random.chance(0.4)) index.lower = [random.pick(["gt", "gte"] as const), "n", bound()];
  if (random.chance(0.4)) index.upper = [random.pick(["lt", "lte"] as const), "n", bound()];
  return { table: "rows", index, order: random.pick(["asc", "desc"] as const) };
}

function end(random: Random): End {
  return random.pick<End>(["first", "collect", { take: 1 }, { take: 2 }, { breakAfter: 2 }]);
}

/** `null` for what did not happen: it threw, or lost every retry. */
export async function runEntry(runtime: Runtime, program: Program): Promise<Entry | null> {
  const args = { steps: program.steps } as unknown as FunctionArgs;
  const call = { path: `programs:${program.kind}`, args, identity: null };
  const { outcome, ts } =
    program.kind === "mutation"
      ? await runtime.runMutation(call)
      : await runtime.snapshot(async (snapshot) => {
          const { outcome } = await snapshot.runQuery(call, null);
          return { outcome, ts: snapshot.ts };
        });
  return outcome.type === "error" || ts === null ? null : { program, value: outcome.value, ts };
}

/**
 * Runs lists of programs next to each other, each list in its order. Every mutation writes, so none
 * has the time of another one; a query comes after the mutation whose time it has.
 */
export async function runConcurrently(runtime: Runtime, lists: Program[][]): Promise<Entry[]> {
  const entries: Entry[] = [];
  await Promise.all(
    lists.map(async (list) => {
      for (const program of list) {
        const entry = await runEntry(runtime, program);
        if (entry !== null) entries.push(entry);
      }
    }),
  );
  const rank = ({ program }: Entry) => (program.kind === "mutation" ? 0 : 1);
  return entries.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : rank(a) - rank(b)));
}

/** All rows of the app and the component, in an order that does not depend on when they were made. */
export const ALL_ROWS: Program = {
  kind: "query",
  steps: [
    allRows,
    { do: "call", kind: "query", target: "inner", isStale: false, steps: [allRows] },
  ],
};
