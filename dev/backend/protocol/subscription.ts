import type { JSONValue } from "convex/values";
import type { CallFate } from "../faults.js";
import type { Commit, QueryRun, ReadSet } from "../runtime.js";
import { encodeOutcome } from "./encoding.js";
import type { AddQuery, StateModification } from "./messages.js";

/** One query of a client's query set, from `Add` to `Remove`. */
export class Subscription {
  readonly queryId: number;
  readonly path: string;
  readonly args: JSONValue[];
  /** Waits for an injected delay: transitions go by without a result for it. */
  held = false;
  journal: string | null;
  #fate: CallFate | null;
  #stale = true;
  #ranAt = -1n;
  #reads: ReadSet | null = null;
  #lastSent: string | null = null;

  constructor(add: AddQuery, fate: CallFate) {
    this.queryId = add.queryId;
    this.path = add.udfPath;
    this.args = add.args;
    this.journal = add.journal ?? null;
    this.#fate = fate;
  }

  get needsRun(): boolean {
    return this.#stale && !this.held;
  }

  markStale(): void {
    this.#stale = true;
  }

  observe(commits: readonly Commit[]): void {
    if (this.#stale) return;
    this.#stale = commits.some(
      (commit) => commit.ts > this.#ranAt && this.#reads?.isTouchedBy(commit) === true,
    );
  }

  /** The fate of the first run; later runs are left alone. */
  takeFate(): CallFate | null {
    const fate = this.#fate;
    this.#fate = null;
    return fate;
  }

  /** Takes in a run; `null` when the client has that very result already. */
  accept(run: QueryRun, ts: bigint): StateModification | null {
    this.#stale = false;
    this.#ranAt = ts;
    this.#reads = run.reads;
    this.journal = run.journal;
    const result = encodeOutcome(run.outcome);
    const modification: StateModification = result.success
      ? {
          type: "QueryUpdated",
          queryId: this.queryId,
          value: result.result,
          logLines: [],
          journal: run.journal,
        }
      : {
          type: "QueryFailed",
          queryId: this.queryId,
          errorMessage: result.result,
          ...(result.errorData !== undefined && { errorData: result.errorData }),
          logLines: [],
          journal: run.journal,
        };
    const text = JSON.stringify(result);
    if (text === this.#lastSent) return null;
    this.#lastSent = text;
    return modification;
  }
}
