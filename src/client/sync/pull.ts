import { ReplicateError } from "../../shared/errors.js";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import type { Held, ResetReason, StreamEntry, StreamPage } from "../../shared/wire.js";
import type { Recovery } from "../store/apply-page.js";
import { isLoading, type SyncPoint } from "../store/sync-point.js";
import { sleep, withTimeout, type Environment } from "../platform/environment.js";
import type { Identity } from "../../shared/identity.js";
import type { Transport } from "../platform/transport.js";
import { backoffMs } from "../platform/backoff.js";
import { recoverAll, type RecoverHost } from "./recover.js";
import { reasonOf, type SyncState } from "../tabs/sync-state.js";
import { Tail, type TailHost } from "./tail.js";

/** A query that takes longer than this has been lost, in ms. */
const QUERY_TIMEOUT_MS = 30_000;

/** Damaged documents that are stored anew in one transaction. */
const HEALED_AT_ONCE = 100;

export type PullHost = {
  readonly fieldsHash: string;
  syncPoint(): SyncPoint;
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
    sync: SyncPoint,
    recovered: readonly Recovery[],
  ): Promise<string[]>;
  /** What is here of these documents. */
  held(documents: readonly string[]): Promise<Held[]>;
  /** Documents that were damaged here and have to be recovered. */
  lost(): ReadonlySet<string>;
  /** Begins to load everything anew, unless the position is not at that cursor any more (S6). */
  reset(cursor: string | null, reason: ResetReason): Promise<void>;
  /** Shows some of what was loaded anew; the position says whether there is more. */
  swap(): Promise<void>;
  /**
   * There is a position to be brought up to date from. Before, a removal that is forgotten would never
   * be heard of, of a document that this device has pushed (S6).
   */
  begun(): void;
  report(state: Partial<SyncState>): void;
};

/** Follows the server's log: a first load in pages, then one subscription as the live tail (C7). */
export class Puller {
  readonly #transport: Transport;
  readonly #environment: Environment;
  readonly #host: PullHost;
  readonly #recovery: RecoverHost;
  #running: AbortController | null = null;
  /** How often in a row it went wrong before anything arrived. */
  #failures = 0;
  /** How far the first load is; it never goes back, although the log grows while it is read. */
  #fraction = 0;
  /** Whether all that the server had when it was last heard of is applied. */
  #caughtUp = false;

  constructor(transport: Transport, environment: Environment, host: PullHost) {
    this.#transport = transport;
    this.#environment = environment;
    this.#host = host;
    this.#recovery = {
      held: (documents) => host.held(documents),
      ask: async (documents) => {
        const answer = await this.#timed(transport.recover(documents));
        await host.identify(answer.identity);
        return answer;
      },
    };
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  /** Begins anew from where the position is now, if it follows at all. */
  restart() {
    if (this.#running === null) return;
    this.stop();
    this.start();
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#fallBehind();
  }

  async #run(signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        await this.#untilConnected(signal);
        await this.#checkProtocol();
        if (signal.aborted) return;
        await this.#load(signal);
        await this.#swap(signal);
        await this.#heal(signal);
        await this.#followTail(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#fallBehind();
        this.#host.report({ pullReason: reasonOf(error as Error) });
        if ((error as ReplicateError).code === "IDENTITY_CHANGED") await this.#untilMine(signal);
        else await sleep(this.#environment, backoffMs(this.#failures++, this.#environment), signal);
      }
    }
  }

  #untilConnected(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!this.#transport.isConnected() && !signal.aborted) return;
        stop();
        signal.removeEventListener("abort", check);
        resolve();
      };
      const stop = this.#transport.onConnection(check);
      signal.addEventListener("abort", check);
      check();
    });
  }

  /** Resolves once the server speaks to whom the local data belongs; what it says is only listened to. */
  #untilMine(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let stop = () => {};
      const end = () => {
        signal.removeEventListener("abort", end);
        stop();
        resolve();
      };
      const listen = ({ identity }: StreamPage) =>
        void this.#host.identify(identity).then(end, () => undefined);
      const { cursor } = this.#host.syncPoint();
      signal.addEventListener("abort", end);
      stop = this.#transport.subscribe(cursor, listen, () => undefined);
      if (signal.aborted) end();
    });
  }

  async #checkProtocol() {
    const { version, fields, identity } = await this.#timed(this.#transport.protocol());
    if (version !== PROTOCOL_VERSION) {
      const older = version < PROTOCOL_VERSION ? "server" : "client";
      throw new ReplicateError(
        "PROTOCOL_MISMATCH",
        `The server speaks version ${version} of the sync protocol, this client version ${PROTOCOL_VERSION}. Update convex-replicate on the ${older}; local changes are kept until then.`,
      );
    }
    if (fields !== this.#host.fieldsHash) {
      throw new ReplicateError(
        "FIELDS_MISMATCH",
        `The server's fields (${fields}) are not those of this client (${this.#host.fieldsHash}). Deploy both from the same fields module, or reload an app that was left open; local changes are kept until then.`,
      );
    }
    await this.#host.identify(identity);
  }

  /** Asks for documents that were damaged here; everything else stays as it is. */
  async #heal(signal: AbortSignal) {
    for (let lost = [...this.#host.lost()]; lost.length > 0; lost = [...this.#host.lost()]) {
      await this.#store(signal, [], this.#host.syncPoint(), lost.slice(0, HEALED_AT_ONCE));
      if (signal.aborted) return;
    }
  }

  /**
   * Stores entries with the position after them, in one transaction with whatever they need that they
   * do not carry (C7). That is asked for after the entries have arrived, and the server is never behind
   * an earlier answer: so it holds all that those entries say of these documents.
   */
  async #store(
    signal: AbortSignal,
    entries: readonly StreamEntry[],
    sync: SyncPoint,
    missing: readonly string[] = [],
  ) {
    const recovered: Recovery[] = [];
    do {
      recovered.push(...(await recoverAll(missing, this.#recovery, signal)));
      if (signal.aborted) return;
      missing = await this.#host.apply(entries, sync, recovered);
    } while (missing.length > 0);
  }

  /** The first load, or one of everything anew. */
  async #load(signal: AbortSignal) {
    while (isLoading(this.#host.syncPoint()) && !signal.aborted) {
      const { cursor, syncedAt } = this.#host.syncPoint();
      const page = await this.#timed(this.#transport.stream({ cursor, rows: true }));
      if (signal.aborted) return;
      await this.#host.identify(page.identity);
      if (page.reset) {
        await this.#host.reset(cursor, page.reset);
        continue;
      }
      await this.#store(signal, page.entries, {
        cursor: page.cursor,
        complete: page.done,
        syncedAt: page.done ? this.#environment.now() : syncedAt,
      });
      if (signal.aborted) return;
      this.#host.begun();
      this.#fraction = Math.max(this.#fraction, page.progress);
      this.#reportProgress({ fraction: this.#fraction });
    }
  }

  async #swap(signal: AbortSignal) {
    while (this.#host.syncPoint().reset?.loaded && !signal.aborted) await this.#host.swap();
  }

  /** Applies what the subscription brings, until it should start from a later cursor. */
  async #followTail(signal: AbortSignal) {
    const { cursor } = this.#host.syncPoint();
    if (signal.aborted) return;
    const host: TailHost = {
      transport: this.#transport,
      apply: async (page, entries, isCaughtUp, signal) => {
        if (!page.reset) return this.#applyTail(page, entries, isCaughtUp, signal);
        await this.#host.identify(page.identity);
        if (signal.aborted) return;
        this.#fallBehind();
        await this.#host.reset(cursor, page.reset);
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
      await this.#store(signal, entries, {
        cursor: page.cursor,
        complete: true,
        syncedAt: caughtUp ? this.#environment.now() : syncedAt,
      });
    }
    if (signal.aborted) return;
    caughtUp = this.#caughtUp = isCaughtUp();
    this.#reportProgress({ caughtUp, fraction: 1 });
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
