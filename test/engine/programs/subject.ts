import type { Value } from "convex/values";
import type { FunctionArgs, MutationRun, Outcome, Runtime } from "../../../dev/backend/runtime.js";
import { Canonical } from "./canonical.js";
import type { Fields, Program, Step } from "./program.js";
import { SCRATCH } from "./schemas.js";

const NO_TS = 0n;

/** A runtime that programs are sent to, and what earlier ones returned, for later ones to use. */
export class Subject {
  readonly runtime: Runtime;
  readonly #canonical = new Canonical();
  readonly #ids: Value[] = [];
  readonly #ts: Value[] = [];
  readonly #cursors = new Map<string, string>();

  private constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  static async start(runtime: Runtime): Promise<Subject> {
    await runtime.open(null);
    const subject = new Subject(runtime);
    const fields: Fields = { n: ["value", 0] };
    await subject.run({ kind: "mutation", steps: [{ do: "insert", table: SCRATCH, fields }] });
    return subject;
  }

  /** Runs a program, and says what came of it in words that are the same for every runtime. */
  async run(program: Program): Promise<string> {
    const { outcome, ts } = await this.#call(program);
    this.#remember(program.steps, outcome, ts);
    return this.#canonical.outcome(outcome);
  }

  /** All documents of a table in the order of their creation. */
  async table(where: "app" | "component", table: string): Promise<string> {
    const find: Step = { do: "find", query: { table }, end: "collect" };
    const target = where === "app" ? "own" : "inner";
    const call: Step = { do: "call", kind: "query", target, isStale: false, steps: [find] };
    return this.run({ kind: "query", steps: [call] });
  }

  async #call({ kind, steps }: Program): Promise<MutationRun> {
    const args = { steps: this.#bind(steps) } as unknown as FunctionArgs;
    const call = { path: `programs:${kind}`, args, identity: null };
    if (kind === "mutation") return this.runtime.runMutation(call);
    return this.runtime.snapshot(async (snapshot) => {
      const { outcome } = await snapshot.runQuery(call, null);
      return { outcome, ts: null };
    });
  }

  /** Fills in the ids, timestamps and cursors that only this runtime knows. */
  #bind(part: unknown): unknown {
    if (typeof part !== "object" || part === null || part instanceof ArrayBuffer) return part;
    if (Array.isArray(part)) {
      const [kind, n] = part as [unknown, number];
      if (kind === "id") return ["value", this.#ids[n % this.#ids.length]!];
      if (kind === "ts") return ["value", this.#ts[n % this.#ts.length] ?? NO_TS];
      return part.map((element) => this.#bind(element));
    }
    const bound = Object.fromEntries(
      Object.entries(part).map(([name, value]) => [name, this.#bind(value)]),
    );
    // A page goes on where the last page of the same query ended.
    if (bound.do === "page") bound.cursor = this.#cursors.get(JSON.stringify(part, plain)) ?? null;
    return bound;
  }

  #remember(steps: readonly Step[], outcome: Outcome, ts: bigint | null): void {
    if (outcome.type !== "value") return;
    // The timestamp of a mutation that wrote nothing is not the same everywhere.
    if (steps.some((step) => step.do === "insert")) this.#ts.push(ts!);
    for (const [i, result] of (outcome.value as Value[]).entries()) {
      const step = steps[i]!;
      if (step.do === "insert") this.#ids.push(result);
      if (step.do === "page") {
        const { continueCursor } = result as { continueCursor: string };
        this.#cursors.set(JSON.stringify(step, plain), continueCursor);
      }
    }
  }
}

function plain(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  return value instanceof ArrayBuffer ? [...new Uint8Array(value)] : value;
}
