import { ReplicateError } from "../../shared/errors.js";
import type { Recovered } from "../../shared/wire.js";
import { backoffMs } from "../platform/backoff.js";
import { sleep, type Environment } from "../platform/environment.js";
import type { DamagedDocuments } from "../store/repair.js";
import { isLoading, type SyncPoint } from "../store/sync-point.js";
import { reasonOf, type SyncState } from "../tabs/sync-state.js";
import { recoverAll, type RecoverHost } from "./recover.js";

/** Damaged documents that are stored again in one transaction. */
const HEALED_AT_ONCE = 100;

export type HealHost = {
  syncPoint(): SyncPoint;
  /** Documents that are damaged here and have to be loaded again. */
  damaged(): DamagedDocuments;
  /** Stores what the server has of them; `asked` are those that were damaged when it was asked. */
  heal(recovered: readonly Recovered[], asked: DamagedDocuments): Promise<void>;
  report(state: Partial<SyncState>): void;
};

/**
 * Recovers documents that were damaged here, beside everything else: one that the server cannot read
 * holds up nothing but its own changes. It never gives up (C5).
 */
export class Healer {
  readonly #environment: Environment;
  readonly #host: HealHost;
  readonly #recovery: RecoverHost;
  #running: AbortSignal | null = null;

  constructor(environment: Environment, host: HealHost, recovery: RecoverHost) {
    this.#environment = environment;
    this.#host = host;
    this.#recovery = recovery;
  }

  /** Goes on until nothing is damaged, or everything is loaded again; then it has to be started again. */
  async run(signal: AbortSignal) {
    if (this.#running?.aborted === false || !this.#mayHeal(signal)) return;
    this.#running = signal;
    for (let failures = 0; this.#mayHeal(signal);) {
      const before = this.#host.damaged().size;
      const problem = await this.#heal(signal).catch((error: Error) => error);
      if (signal.aborted) return;
      this.#host.report({ healReason: reasonOf(problem) });
      if (problem === null && this.#host.damaged().size < before) failures = 0;
      else await sleep(this.#environment, backoffMs(failures++, this.#environment), signal);
    }
    if (signal.aborted) return;
    this.#running = null;
    this.#host.report({ healReason: null });
  }

  #mayHeal(signal: AbortSignal): boolean {
    return !signal.aborted && this.#host.damaged().size > 0 && !isLoading(this.#host.syncPoint());
  }

  /** @returns what is wrong with the first document that cannot be recovered. */
  async #heal(signal: AbortSignal): Promise<Error | null> {
    const asked = this.#host.damaged();
    let problem: Error | null = null;
    for (let left = [...asked.keys()]; left.length > 0; left = left.slice(HEALED_AT_ONCE)) {
      const some = left.slice(0, HEALED_AT_ONCE);
      const { recovered, failed } = await recoverAll(some, this.#recovery, signal);
      if (signal.aborted) return null;
      if (recovered.length > 0) await this.#host.heal(recovered, asked);
      for (const [document, { message }] of failed) {
        const about = `The local copy of "${document}" is damaged, and the server cannot send it: ${message}`;
        problem ??= new ReplicateError("SERVER_ERROR", about);
      }
    }
    return problem;
  }
}
