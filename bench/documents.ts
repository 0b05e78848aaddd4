import type { FunctionArgs, Runtime } from "../dev/backend/runtime.js";
import { insertRow } from "../test/engine/ledger.js";
import type { Program } from "../test/engine/programs/program.js";

const PER_MUTATION = 500;

/** Inserts small documents into the ledger, numbered from `start` up to `end`. */
export async function fill(runtime: Runtime, start: number, end: number): Promise<void> {
  for (let first = start; first < end; first += PER_MUTATION) {
    const steps = Array.from({ length: PER_MUTATION }, (_, i) => insertRow("a", 0, first + i));
    await run(runtime, { kind: "mutation", steps });
  }
}

export async function run(runtime: Runtime, { kind, steps }: Program): Promise<void> {
  const args = { steps } as unknown as FunctionArgs;
  const call = { path: `programs:${kind}`, args, identity: null };
  const { outcome } =
    kind === "mutation"
      ? await runtime.runMutation(call)
      : await runtime.snapshot((snapshot) => snapshot.runQuery(call, null));
  if (outcome.type === "error") throw new Error(outcome.message);
}
