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
    return { ...run, outcome: this.#report(call, run.outcome), lost: fate.fail === "after" };
  }

  async action(call: FunctionCall): Promise<Lossy<{ outcome: Outcome }>> {
    const fate = await this.#meet("action", call.path);
    const refused = this.#refusal("action", call.path, fate);
    const outcome = refused ?? (await this.#runtime.runAction(call));
    return { outcome: this.#report(call, outcome), lost: fate.fail === "after" };
  }

  /** A query that is asked once, over HTTP. */
  async query(call: FunctionCall): Promise<Lossy<{ outcome: Outcome }>> {
    const fate = await this.#meet("query", call.path);
    const run = await this.#runtime.snapshot((snapshot) =>
      this.subscribedQuery(snapshot, call, null, fate),
    );
    return { outcome: run.outcome, lost: fate.fail === "after" };
  }

  /** A run of a subscription, whose fate was decided (or not) when it was added. */
  async subscribedQuery(
    snapshot: Snapshot,
    call: FunctionCall,
    journal: string | null,
    fate: CallFate | null,
  ): Promise<QueryRun> {
    // A query that is made to fail runs all the same: what it reads decides when it runs again.
    const run = this.#runtime.isPublic("query", call.path)
      ? await snapshot.runQuery(call, journal)
      : { outcome: notFound(call.path), reads: { isTouchedBy: () => false }, journal: null };
    const outcome = fate?.fail === "before" ? injected(call.path) : run.outcome;
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

  async #meet(kind: FunctionKind, path: string): Promise<CallFate> {
    const fate = this.meet(kind, path);
    if (fate.delayMs > 0) await sleep(fate.delayMs);
    return fate;
  }

  #refusal(kind: FunctionKind, path: string, fate: CallFate): Outcome | null {
    if (!this.#runtime.isPublic(kind, path)) return notFound(path);
    return fate.fail === "before" ? injected(path) : null;
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
