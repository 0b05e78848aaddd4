import { ReplicateError } from "../../shared/errors.js";
import { refusalOf } from "../../shared/refusal.js";
import type { Held, Recovered, ResetReason, StreamEntry, StreamPage } from "../../shared/wire.js";
import { isLoading, type SyncPoint } from "../store/sync-point.js";
import { sleep, withTimeout, type Environment } from "../platform/environment.js";
import type { Identity } from "../../shared/identity.js";
import type { Transport } from "../platform/transport.js";
import { backoffMs } from "../platform/backoff.js";
import { checkProtocol, untilAllowed, untilConnected, untilMine } from "./handshake.js";
import { Healer, type HealHost } from "./heal.js";
import { recoverAll, type RecoverHost } from "./recover.js";
import { reasonOf, type SyncState } from "../tabs/sync-state.js";
import { checkPage, checkRecovery } from "./check-answers.js";
import { Tail, type TailHost } from "./tail.js";

/** A query that takes longer than this has been lost, in ms. */
const QUERY_TIMEOUT_MS = 30_000;

export type PullHost = HealHost & {
  readonly fieldsHash: string;
  /**
   * Lets who is signed in have the local data.
   *
   * @throws {ReplicateError} `IDENTITY_CHANGED` when it is someone else's.
   */
  identify(identity: Identity): Promise<void>;
  /**
   * Stores entries together with the position after them, then shows them.
   *
   * @returns the documents that have to be recovered before that can be done.
   */
  apply(
    entries: readonly StreamEntry[],
    point: SyncPoint,
    recovered: readonly Recovered[],
  ): Promise<string[]>;
  /** What this device has of these documents. */
  held(documents: readonly string[]): Promise<Held[]>;
  /** Begins to load everything again, unless the position is not at that cursor any more (S6). */
  reset(cursor: string | null, reason: ResetReason): Promise<void>;
  /** Shows some of what was loaded again; the position says whether there is more. */
  showReloaded(): Promise<void>;
  /**
   * A cursor is stored, so sending may begin. A device that sent before it had one could miss the
   * removal of what it sent, once that is pruned (S6).
   */
  begun(): void;
};

/** Follows the server's log: a first load in pages, then one subscription as the live tail (C7). */
export class Puller {
  readonly #transport: Transport;
  readonly #environment: Environment;
  readonly #host: PullHost;
  readonly #recovery: RecoverHost;
  readonly #healer: Healer;
  #running: AbortController | null = null;
  /** How often in a row it went wrong before anything arrived. */
  #failures = 0;
  /** How often in a row the server asked to load everything again. */
  #resets = 0;
  /** How far the first load is; it never goes back, although the log grows while it is read. */
  #fraction = 0;
  /** Whether everything that the server had at its last answer is applied. */
  #caughtUp = false;

  constructor(transport: Transport, environment: Environment, host: PullHost) {
    this.#transport = transport;
    this.#environment = environment;
    this.#host = host;
    this.#recovery = {
      held: (documents) => host.held(documents),
      ask: async (documents) => {
        const answer = await this.#timed(transport.recover(documents));
        checkRecovery(answer);
        await host.identify(answer.identity);
        return answer;
      },
    };
    this.#healer = new Healer(environment, host, this.#recovery);
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  /** There are damaged documents to recover. */
  heal() {
    if (this.#running) void this.#healer.run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#fallBehind();
  }

  async #run(signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        await untilConnected(this.#transport, signal);
        await this.#checkProtocol();
        if (signal.aborted) return;
        await this.#load(signal);
        await this.#showReloaded(signal);
        void this.#healer.run(signal);
        await this.#followTail(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#fallBehind();
        this.#host.report({ pullReason: reasonOf(error as Error) });
        if ((error as ReplicateError).code === "IDENTITY_CHANGED") await this.#untilMine(signal);
        else await this.#pause(error, signal);
      }
    }
  }

  #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const ms = backoffMs(this.#failures++, this.#environment);
    const pause = sleep(this.#environment, ms, signal);
    if (refusalOf(error) === null) return pause;
    return untilAllowed(this.#transport, this.#host.syncPoint().cursor, pause);
  }

  async #checkProtocol() {
    const protocol = await this.#timed(this.#transport.protocol());
    checkProtocol(protocol, this.#host.fieldsHash);
    await this.#host.identify(protocol.identity);
  }

  /**
   * Stores entries with the position after them, in one transaction with whatever they need that they
   * do not carry (C7). That is asked for after the entries have arrived, and the server is never behind
   * an earlier answer: so it includes everything in those entries.
   *
   * @returns why the server could not send what is needed, by document; then nothing is stored.
   */
  async #store(
    signal: AbortSignal,
    entries: readonly StreamEntry[],
    point: SyncPoint,
  ): Promise<Failed> {
    const recovered: Recovered[] = [];
    let missing = await this.#host.apply(entries, point, recovered);
    while (missing.length > 0 && !signal.aborted) {
      const more = await recoverAll(missing, this.#recovery, signal);
      if (more.failed.size > 0) return more.failed;
      recovered.push(...more.recovered);
      if (!signal.aborted) missing = await this.#host.apply(entries, point, recovered);
    }
    return NONE_FAILED;
  }

  /**
   * Stores a page of the log as it is, without stubs: what a document was made of can be read where all
   * of it at once cannot. So no document holds up what follows it.
   */
  async #storeWhole(signal: AbortSignal) {
    const { cursor, syncedAt } = this.#host.syncPoint();
    const page = await this.#timed(this.#transport.stream({ cursor }));
    if (signal.aborted) return;
    checkPage(page, cursor);
    await this.#host.identify(page.identity);
    const next = { cursor: page.cursor, complete: true, syncedAt };
    if (page.reset) throw new ReplicateError("SERVER_ERROR", RESET_INSTEAD);
    checkWhole(await this.#store(signal, page.entries, next));
  }

  /** The first load, or one that starts over. */
  async #load(signal: AbortSignal) {
    while (isLoading(this.#host.syncPoint()) && !signal.aborted) {
      const { cursor, syncedAt } = this.#host.syncPoint();
      const page = await this.#timed(this.#transport.stream({ cursor, rows: true }));
      if (signal.aborted) return;
      checkPage(page, cursor);
      await this.#host.identify(page.identity);
      if (page.reset) {
        await this.#reset(cursor, page.reset, signal);
        continue;
      }
      const failed = await this.#store(signal, page.entries, {
        cursor: page.cursor,
        complete: page.done,
        syncedAt: page.done ? this.#environment.now() : syncedAt,
      });
      checkWhole(failed);
      if (signal.aborted) return;
      this.#host.begun();
      this.#fraction = Math.max(this.#fraction, page.progress);
      this.#reportProgress({ fraction: this.#fraction });
    }
  }

  /** One that follows another, with nothing of a tail between them, waits longer each time. */
  async #reset(cursor: string | null, reason: ResetReason, signal: AbortSignal) {
    if (this.#resets > 0) {
      const message = "The server keeps asking to load everything again.";
      this.#host.report({ pullReason: reasonOf(new ReplicateError("SERVER_ERROR", message)) });
      await sleep(this.#environment, backoffMs(this.#resets, this.#environment), signal);
    }
    this.#resets += 1;
    if (!signal.aborted) await this.#host.reset(cursor, reason);
  }

  async #showReloaded(signal: AbortSignal) {
    while (this.#host.syncPoint().reset?.loaded && !signal.aborted) await this.#host.showReloaded();
  }

  /** Applies what the subscription brings, until it should start from a later cursor. */
  async #followTail(signal: AbortSignal) {
    const { cursor } = this.#host.syncPoint();
    if (signal.aborted) return;
    const host: TailHost = {
      transport: this.#transport,
      apply: async (page, entries, isCaughtUp, signal) => {
        checkPage(page, cursor);
        if (!page.reset) return this.#applyTail(page, entries, isCaughtUp, signal);
        await this.#host.identify(page.identity);
        if (signal.aborted) return;
        this.#fallBehind();
        await this.#reset(cursor, page.reset, signal);
      },
      fallBehind: () => this.#fallBehind(),
      confirm: () => this.#checkProtocol(),
    };
    await new Tail(host, cursor, signal).ended;
  }

  async #applyTail(
    page: StreamPage,
    entries: readonly StreamEntry[],
    isCaughtUp: () => boolean,
    signal: AbortSignal,
  ) {
    await this.#host.identify(page.identity);
    const { syncedAt } = this.#host.syncPoint();
    let caughtUp = isCaughtUp();
    if (entries.length > 0 || (caughtUp && !this.#caughtUp)) {
      const failed = await this.#store(signal, entries, {
        cursor: page.cursor,
        complete: true,
        syncedAt: caughtUp ? this.#environment.now() : syncedAt,
      });
      if (failed.size > 0) {
        await this.#storeWhole(signal);
        return signal.aborted ? undefined : this.#reportProgress({ fraction: 1 });
      }
    }
    if (signal.aborted) return;
    this.#resets = 0;
    caughtUp = this.#caughtUp = isCaughtUp();
    this.#reportProgress({ caughtUp, fraction: 1 });
  }

  #untilMine(signal: AbortSignal): Promise<void> {
    const identify = (identity: Identity) => this.#host.identify(identity);
    const { cursor } = this.#host.syncPoint();
    return untilMine(this.#transport, this.#environment, cursor, identify, signal);
  }

  #fallBehind() {
    this.#caughtUp = false;
    this.#host.report({ caughtUp: false });
  }

  /** Something arrived and is stored: whatever went wrong before is over. */
  #reportProgress(state: Partial<SyncState>) {
    this.#failures = 0;
    this.#host.report({ ...state, pullReason: null });
  }

  #timed<T>(call: Promise<T>): Promise<T> {
    return withTimeout(
      this.#environment,
      call,
      QUERY_TIMEOUT_MS,
      () => new ReplicateError("UNREACHABLE", "The server did not answer in time."),
    );
  }
}

/** Why the server could not send what a page needs, by document. */
type Failed = ReadonlyMap<string, Error>;
const NONE_FAILED: Failed = new Map();

const RESET_INSTEAD =
  "The server was asked for a page of the log once more, and says that everything has to be loaded again.";

/** Only a page that was asked for without stubs needs nothing. */
function checkWhole([failure]: Failed) {
  if (!failure) return;
  const [document, { message }] = failure;
  throw new ReplicateError(
    "SERVER_ERROR",
    `The server left "${document}" out of a page that it was asked for as a whole, and cannot send it: ${message}`,
  );
}
