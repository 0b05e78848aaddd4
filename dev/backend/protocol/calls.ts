import { setTimeout as sleep } from "node:timers/promises";
import type { CallFate, Faults } from "../faults.js";
import type {
  FunctionCall,
  FunctionKind,
  MutationRun,
  Outcome,
  QueryRun,
  Runtime,
  Snapshot,
} from "../runtime.js";

/** Told about every function that threw, so that `npm start` can print it. */
export type ErrorListener = (path: string, message: string) => void;

/** `lost`: a fault wants the connection to break instead of carrying the answer. */
export type Lossy<T> = T & { lost: boolean };

/** Calls from clients, whichever way they came: visibility and faults stand before the runtime. */
export class Calls {
  #runtime: Runtime;
  #faults: Faults;
  #onError: ErrorListener;

  constructor(runtime: Runtime, faults: Faults, onError: ErrorListener) {
    this.#runtime = runtime;
    this.#faults = faults;
    this.#onError = onError;
  }

  async mutation(call: FunctionCall, requestKey?: string): Promise<Lossy<MutationRun>> {
    const fate = await this.#meet("mutation", call.path);
    const refused = this.#refusal("mutation", call.path, fate);
    const run =
      refused === null
        ? await this.#runtime.runMutation(call, requestKey)
        : { outcome: refused, ts: null };
    return { ...run, ...(await this.#answer(call, run.outcome, fate)) };
  }

  async action(call: FunctionCall): Promise<Lossy<{ outcome: Outcome }>> {
    const fate = await this.#meet("action", call.path);
    const refused = this.#refusal("action", call.path, fate);
    const outcome = refused ?? (await this.#runtime.runAction(call));
    return this.#answer(call, outcome, fate);
  }

  /** A query that is asked once, over HTTP. */
  async query(call: FunctionCall): Promise<Lossy<{ outcome: Outcome }>> {
    const fate = await this.#meet("query", call.path);
    const run = await this.#runtime.snapshot((snapshot) => this.#runQuery(snapshot, call, null));
    return this.#answer(call, run.outcome, fate);
  }

  /** A run of a subscription, whose fate was decided (or not) when it was added. */
  async subscribedQuery(
    snapshot: Snapshot,
    call: FunctionCall,
    journal: string | null,
    fate: CallFate | null,
  ): Promise<QueryRun> {
    // A query that is made to fail runs all the same: what it reads decides when it runs again.
    const run = await this.#runQuery(snapshot, call, journal);
    const outcome = fate?.failure?.how === "error" ? injected(call.path) : run.outcome;
    return { ...run, outcome: this.#report(call, outcome) };
  }

  /** The fate of a call that is about to be made. Counts it. */
  meet(kind: FunctionKind, path: string): CallFate {
    return this.#faults.meet(kind, path);
  }

  /** Re-runs of a subscription count, as Convex bills them. */
  countRerun(path: string): void {
    this.#faults.calls.add(path);
  }

  async #runQuery(
    snapshot: Snapshot,
    call: FunctionCall,
    journal: string | null,
  ): Promise<QueryRun> {
    if (this.#runtime.isPublic("query", call.path)) return snapshot.runQuery(call, journal);
    return { outcome: notFound(call.path), reads: { isTouchedBy: () => false }, journal: null };
  }

  async #meet(kind: FunctionKind, path: string): Promise<CallFate> {
    const fate = this.meet(kind, path);
    if (fate.delayMs.before > 0) await sleep(fate.delayMs.before);
    return fate;
  }

  #refusal(kind: FunctionKind, path: string, fate: CallFate): Outcome | null {
    if (!this.#runtime.isPublic(kind, path)) return notFound(path);
    return fate.failure?.when === "before" ? injected(path) : null;
  }

  /** What becomes of the outcome on its way back. */
  async #answer(
    call: FunctionCall,
    outcome: Outcome,
    { delayMs, failure }: CallFate,
  ): Promise<Lossy<{ outcome: Outcome }>> {
    if (delayMs.after > 0) await sleep(delayMs.after);
    const told = failure?.how === "error" ? injected(call.path) : outcome;
    return { outcome: this.#report(call, told), lost: failure?.how === "cut" };
  }

  #report(call: FunctionCall, outcome: Outcome): Outcome {
    if (outcome.type === "error") this.#onError(call.path, outcome.message);
    return outcome;
  }
}

function notFound(path: string): Outcome {
  return {
    type: "error",
    message: `Could not find public function for '${path}'. Did you forget to run \`npx convex dev\`?`,
  };
}

function injected(path: string): Outcome {
  return { type: "error", message: `Injected fault: '${path}' was made to fail by a test.` };
}
