import { ReplicateError, type ReplicateErrorCode } from "../../shared/errors.js";
import { refusalOf, retryAfterOf } from "../../shared/refusal.js";
import { MAX_PUSH_BYTES, MAX_PUSH_DOCUMENTS } from "../../shared/limits.js";
import type { PushResult } from "../../shared/wire.js";
import { withTimeout, type Environment } from "../platform/environment.js";
import type { Outgoing } from "../store/outgoing.js";
import type { Transport } from "../platform/transport.js";
import { backoffMs } from "../platform/backoff.js";
import { validResults, unanswered } from "./check-answers.js";
import { RATE_LIMITED } from "../tabs/sync-state.js";

/**
 * How a push is timed, in coalescing windows. A single change waits for one. Changes that follow
 * others closely (typing, rapid clicks) are a burst: they wait for a longer pause, but not for ever.
 */
const BURST_GAP = 10;
const BURST_WINDOW = 5;
const MAX_WAIT = 20;

/** A push that takes longer than this is sent again, with the same bytes, in ms. */
const PUSH_TIMEOUT_MS = 60_000;

/** Refusals after which a change is sent again in another form, without anyone's doing. */
const SENT_ANEW = new Set<string>(["MISSING_DEPENDENCIES", "CLIENT_ID_TAKEN"]);

/** Refusals of a push as a whole, which blame no document. */
const OF_THE_PUSH = new Set(["IDENTITY_CHANGED", "INVALID_PUSH", RATE_LIMITED]);

/** However long a server asks to wait: then it is asked again, in ms. */
const MAX_RETRY_AFTER_MS = 60 * 60_000;

export type PushHost = {
  /** Documents with local changes on disk, oldest change first, and those changes' places. */
  pending(): ReadonlyMap<string, number[]>;
  mint(documents: ReadonlyMap<string, number[]>): Promise<Outgoing[]>;
  settle(outgoing: Outgoing[], results: PushResult): Promise<void>;
  report(error: Error | null): void;
};

type Retry = { failures: number; notBefore: number };

/** `asked`: the server did, so that not even a new connection ends it. */
type Pause = Retry & { asked: boolean };

/** Sends the outbox: one push at a time, many documents a push, and never gives up (C5). */
export class Pusher {
  readonly #transport: Transport;
  readonly #environment: Environment;
  readonly #host: PushHost;
  readonly #coalesceMs: number;
  readonly #retries = new Map<string, Retry>();
  #pause: Pause | null = null;
  /** Documents that the next push may carry: fewer after one was too much. */
  #most = MAX_PUSH_DOCUMENTS;
  #active = false;
  #sending = false;
  #cancelTimer: (() => void) | null = null;
  /** When the oldest and the newest change arrived that no batch has taken yet. */
  #waiting: { first: number; last: number; burst: boolean } | null = null;
  #lastChange = -Infinity;

  constructor(transport: Transport, environment: Environment, host: PushHost, coalesceMs: number) {
    this.#transport = transport;
    this.#environment = environment;
    this.#host = host;
    this.#coalesceMs = coalesceMs;
  }

  start() {
    if (this.#active) return;
    this.#active = true;
    void this.sendNow();
  }

  stop() {
    this.#active = false;
    this.#cancelTimer?.();
  }

  /** A local change is on disk: send it when no other follows for a window, but soon. */
  changed() {
    const now = this.#environment.elapsed();
    const burst = now - this.#lastChange < this.#coalesceMs * BURST_GAP;
    this.#waiting = { first: this.#waiting?.first ?? now, last: now, burst };
    this.#lastChange = now;
    this.#schedule();
  }

  /** Sends what there is without waiting for a window, e.g. on reconnection. */
  async sendNow(): Promise<void> {
    this.#cancelTimer?.();
    if (!this.#active || this.#sending || !this.#transport.isConnected()) return;
    if (this.#pause?.asked && this.#pause.notBefore > this.#environment.elapsed()) {
      return this.#schedule();
    }
    this.#sending = true;
    try {
      while (this.#active && this.#transport.isConnected() && (await this.#sendBatch()));
    } catch (error) {
      this.#pauseFor(error as Error);
    } finally {
      this.#sending = false;
    }
    this.#schedule();
  }

  #schedule() {
    this.#cancelTimer?.();
    if (!this.#active || this.#sending) return;
    const at = this.#pause?.notBefore ?? Math.min(this.#windowEnd(), this.#nextRetry());
    if (at === Infinity) return;
    const wait = Math.max(0, at - this.#environment.elapsed());
    this.#cancelTimer = this.#environment.after(wait, () => void this.sendNow());
  }

  #windowEnd(): number {
    if (this.#waiting === null) return Infinity;
    const { first, last, burst } = this.#waiting;
    const windows = burst ? BURST_WINDOW : 1;
    return Math.min(last + this.#coalesceMs * windows, first + this.#coalesceMs * MAX_WAIT);
  }

  #nextRetry(): number {
    if (this.#retries.size === 0) return Infinity; // the rule: nothing to look through
    const pending = this.#host.pending();
    const times = [...this.#retries].map(([document, { notBefore }]) =>
      pending.has(document) ? notBefore : Infinity,
    );
    return Math.min(...times);
  }

  /** @returns whether to go on with another batch at once. */
  async #sendBatch(): Promise<boolean> {
    const { batch, more } = this.#nextBatch();
    this.#waiting = null;
    if (batch.size === 0) {
      this.#pause = null;
      return false;
    }
    const outgoing = cutToSize(await this.#host.mint(batch));
    if (outgoing.length === 0) return more || this.#hasLeftovers(batch);
    let results: PushResult;
    try {
      const changes = outgoing.map(({ change }) => change);
      const push = this.#transport.push(changes, outgoing[0]!.sender);
      const answer = await withTimeout(this.#environment, push, PUSH_TIMEOUT_MS, timeoutError);
      results = validResults(answer);
    } catch (error) {
      return this.#failed(outgoing, error);
    }
    await this.#host.settle(outgoing, results);
    this.#pause = null;
    this.#most = Math.min(MAX_PUSH_DOCUMENTS, 2 * this.#most);
    this.#host.report(this.#noteAnswers(outgoing, results));
    return more || this.#hasLeftovers(batch);
  }

  /**
   * Documents of which the server lacks something, e.g. after a backup was restored, or whose client id
   * is someone else's, wait longer each time, and so do those that a server at fault did not answer for;
   * for all others the past is forgotten.
   *
   * @returns what the user should know of.
   */
  #noteAnswers(outgoing: readonly Outgoing[], results: PushResult): Error | null {
    let problem: Error | null = null;
    const answers = new Map(results.map(({ document, result }) => [document, result]));
    for (const { document } of outgoing.map(({ change }) => change)) {
      const result = answers.get(document);
      if (result === undefined) {
        this.#retryLater(document);
        problem = unanswered(document);
      } else if (result.status === "rejected" && SENT_ANEW.has(result.code)) {
        this.#retryLater(document);
        problem = new ReplicateError(result.code as ReplicateErrorCode, result.message);
      } else {
        this.#retries.delete(document);
      }
    }
    return problem;
  }

  /** Whether some of what a batch was to send still waits: after a removal, a split, a size limit. */
  #hasLeftovers(batch: ReadonlyMap<string, number[]>): boolean {
    const pending = this.#host.pending();
    return [...batch].some(
      ([document, seqs]) =>
        !this.#retries.has(document) && pending.get(document)?.some((seq) => seqs.includes(seq)),
    );
  }

  /** Documents that failed before go one by one, so that one cannot hold up another (S4 ◆). */
  #nextBatch(): { batch: Map<string, number[]>; more: boolean } {
    const now = this.#environment.elapsed();
    const ready = [...this.#host.pending()].filter(
      ([document]) => (this.#retries.get(document)?.notBefore ?? 0) <= now,
    );
    const fresh = ready.filter(([document]) => !this.#retries.has(document));
    const batch = fresh.length > 0 ? fresh.slice(0, this.#most) : ready.slice(0, 1);
    return { batch: new Map(batch), more: ready.length > batch.length };
  }

  async #failed(outgoing: Outgoing[], error: unknown): Promise<boolean> {
    const alone = outgoing.length === 1;
    const refusal = refusalOf(error);
    if (refusal?.code === RATE_LIMITED) {
      this.#most = Math.max(1, Math.floor(outgoing.length / 2));
      // What alone is too much must not be what is tried first for ever.
      if (alone) this.#retryLater(outgoing[0]!.change.document);
    }
    if (refusal && OF_THE_PUSH.has(refusal.code)) throw error;
    if (alone && refusal) {
      const { document } = outgoing[0]!.change;
      this.#retries.delete(document);
      await this.#host.settle(outgoing, [{ document, result: { status: "rejected", ...refusal } }]);
      return true;
    }
    if (error instanceof ReplicateError) throw error; // no answer: that blames no document
    this.#host.report(error as Error);
    for (const { change } of outgoing) this.#retryLater(change.document, alone);
    return true;
  }

  #retryLater(document: string, wait = true) {
    const failures = (this.#retries.get(document)?.failures ?? -1) + 1;
    const ms = wait ? backoffMs(failures, this.#environment) : 0;
    this.#retries.set(document, { failures, notBefore: this.#environment.elapsed() + ms });
  }

  /** After a failure that is nobody's in particular (no answer, no storage), everything waits. */
  #pauseFor(error: Error) {
    this.#host.report(error);
    const failures = (this.#pause?.failures ?? -1) + 1;
    // With the backoff on top, clients with the same answer do not come back at once.
    const least = Math.min(retryAfterOf(error) ?? 0, MAX_RETRY_AFTER_MS);
    const ms = least + backoffMs(failures, this.#environment);
    const asked = refusalOf(error)?.code === RATE_LIMITED;
    this.#pause = { failures, notBefore: this.#environment.elapsed() + ms, asked };
  }
}

function timeoutError() {
  return new ReplicateError("UNREACHABLE", "The server did not answer a push in time.");
}

/** As many changes as one push may carry, and at least one; the rest follows with the same bytes. */
function cutToSize(outgoing: Outgoing[]): Outgoing[] {
  let bytes = 0;
  const end = outgoing.findIndex(({ change }, index) => {
    bytes += change.parts.reduce((total, part) => total + part.update.byteLength, 0);
    return index > 0 && bytes > MAX_PUSH_BYTES;
  });
  return end < 0 ? outgoing : outgoing.slice(0, end);
}
