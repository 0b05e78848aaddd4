// @vitest-environment node
import { expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine } from "../../dev/backend/engine/engine.js";
import type { FunctionArgs } from "../../dev/backend/runtime.js";
import { impatientClock } from "./clock.js";
import { gateBefore } from "./gates.js";
import { insertRow, ledgerApp } from "./ledger.js";
import type { Change, End, IndexRange, Query, Step } from "./programs/program.js";

/** Group "a" holds 10, 20, 30 and 40, each with its number as uid; group "b" holds 10. */
const FILL: Step[] = [...[10, 20, 30, 40].map((n) => insertRow("a", n, n)), insertRow("b", 10, 1)];

const A: IndexRange = { name: "by_group", equal: [["group", ["value", "a"]]] };
const FROM_20_TO_30: IndexRange = {
  ...A,
  lower: ["gt", "n", ["value", 20]],
  upper: ["lte", "n", ["value", 30]],
};

const read = (end: End, query: Partial<Query> = {}): Step => ({
  do: "find",
  query: { table: "rows", index: A, ...query },
  end,
});
const insert = (n: number, group = "a"): Step => insertRow(group, n, 1000 + n);
const change = (uid: number, then: Change): Step => ({
  do: "find",
  query: { table: "rows", index: { name: "by_uid", equal: [["uid", ["value", uid]]] } },
  end: "first",
  then,
});
const move = (uid: number, n: number) => change(uid, { patch: { n: ["value", n] } });
const touch = (uid: number) => change(uid, { patch: { ts: ["commitTs"] } });
const remove = (uid: number) => change(uid, "delete");
const nested = (step: Step, options: Partial<Extract<Step, { do: "call" }>> = {}): Step => ({
  do: "call",
  kind: "query",
  target: "own",
  isStale: false,
  steps: [step],
  ...options,
});
const page = (numItems: number): Step => ({
  do: "page",
  query: { table: "rows", index: A },
  numItems,
  cursor: null,
});
const filtered = read(
  { take: 1 },
  {
    filter: { compare: "eq", field: "n", value: ["value", 30] },
  },
);
const thrown: Step = { do: "throw", message: "undone" };

const CASES: [what: string, read: Step, write: Step, expected: "conflict" | "no conflict"][] = [
  ["take(2), a row before the second", read({ take: 2 }), insert(15), "conflict"],
  ["take(2), a row right behind the second", read({ take: 2 }), insert(21), "no conflict"],
  ["take(2), the third is deleted", read({ take: 2 }), remove(30), "no conflict"],
  ["take(2), the second is changed", read({ take: 2 }), touch(20), "conflict"],
  ["take(2), the third becomes the first", read({ take: 2 }), move(30, 5), "conflict"],
  ["take(2), the second becomes the last", read({ take: 2 }), move(20, 50), "conflict"],
  ["take(5) of 4, a row at the end", read({ take: 5 }), insert(50), "conflict"],
  ["take(4) of 4, a row at the end", read({ take: 4 }), insert(50), "no conflict"],
  ["take(0)", read({ take: 0 }), insert(1), "no conflict"],
  ["first(), a row before it", read("first"), insert(5), "conflict"],
  ["first(), a row behind it", read("first"), insert(11), "no conflict"],
  ["first() desc, a row behind it", read("first", { order: "desc" }), insert(50), "conflict"],
  ["first() desc, a row before it", read("first", { order: "desc" }), insert(39), "no conflict"],
  ["first() desc, itself is changed", read("first", { order: "desc" }), touch(40), "conflict"],
  ["collect(), a row in another group", read("collect"), insert(10, "c"), "no conflict"],
  ["collect(), a row at the end", read("collect"), insert(99), "conflict"],
  [
    "collect() of nothing, the first row",
    read("collect", { index: { ...A, equal: [["group", ["value", "z"]]] } }),
    insert(1, "z"),
    "conflict",
  ],
  [
    "gt 20, lte 30: a row at 20",
    read("collect", { index: FROM_20_TO_30 }),
    insert(20),
    "no conflict",
  ],
  ["gt 20, lte 30: a row at 21", read("collect", { index: FROM_20_TO_30 }), insert(21), "conflict"],
  ["gt 20, lte 30: a row at 30", read("collect", { index: FROM_20_TO_30 }), insert(30), "conflict"],
  [
    "gt 20, lte 30: a row at 31",
    read("collect", { index: FROM_20_TO_30 }),
    insert(31),
    "no conflict",
  ],
  [
    "gt 20, lte 30: the row moves away",
    read("collect", { index: FROM_20_TO_30 }),
    move(30, 40),
    "conflict",
  ],
  [
    "gt 20, lte 30: a row moves in",
    read("collect", { index: FROM_20_TO_30 }),
    move(10, 25),
    "conflict",
  ],
  [
    "unique() of none, one appears",
    read("unique", { index: { name: "by_uid", equal: [["uid", ["value", 1099]]] } }),
    insert(99),
    "conflict",
  ],
  ["a filter reads what it drops", filtered, touch(20), "conflict"],
  ["a filter stops where take(1) is content", filtered, touch(40), "no conflict"],
  ["break after two", read({ breakAfter: 2 }), touch(30), "no conflict"],
  ["break after two, the second", read({ breakAfter: 2 }), touch(20), "conflict"],
  ["a page of 2, a row within", page(2), insert(15), "conflict"],
  [
    "a page of 3, the only row behind it goes: now it is the last page",
    page(3),
    remove(40),
    "conflict",
  ],
  ["a page of 2, a row far behind", page(2), insert(99), "no conflict"],
  ["a nested query's reads", nested(read({ take: 2 })), insert(15), "conflict"],
  [
    "a stale query's reads",
    nested(read({ take: 2 }), { isStale: true }),
    insert(15),
    "no conflict",
  ],
  [
    "what a mutation read that threw",
    {
      do: "try",
      step: nested(read({ take: 2 }), { kind: "mutation", steps: [read({ take: 2 }), thrown] }),
    },
    insert(15),
    "conflict",
  ],
  [
    "the component's rows are others",
    nested(read("collect"), { target: "inner" }),
    insert(15),
    "no conflict",
  ],
  [
    "the component's rows",
    nested(read("collect"), { target: "inner" }),
    nested(insert(15), { target: "inner", kind: "mutation" }),
    "conflict",
  ],
];

it.each(CASES)("%s", async (_what, first, write, expected) => {
  // It reads, and writes what nobody else does; between the two, the other one commits.
  const steps = [first, insertRow("slow", 0, 0)];
  const alone = await start(Infinity);
  await mutate(alone.engine, steps);
  const { engine, gate } = await start(alone.gate.syscalls());
  const slow = mutate(engine, steps);
  await gate.isReached;
  await mutate(engine, [write]);
  gate.open();
  await slow;
  const { conflicts } = engine.metrics.get("programs:mutation");
  expect(conflicts > 0 ? "conflict" : "no conflict").toBe(expected);
});

async function start(gatedSyscall: number) {
  const gate = gateBefore(gatedSyscall);
  const { interleaving } = gate;
  const engine = await createEngine(ledgerApp, { interleaving, clock: impatientClock() });
  onTestFinished(() => engine.close());
  await engine.open(null);
  const inner = nested(FILL[0]!, { target: "inner", kind: "mutation" });
  await mutate(engine, [...FILL, inner]);
  gate.arm();
  return { engine, gate };
}

async function mutate(engine: Engine, steps: Step[]): Promise<void> {
  const args = { steps } as unknown as FunctionArgs;
  const run = await engine.runMutation({ path: "programs:mutation", args, identity: null });
  expect(run.outcome).toMatchObject({ type: "value" });
}
