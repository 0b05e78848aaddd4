import { ReplicateError } from "../../shared/errors.js";
import { TAIL_BYTES, TAIL_ENTRIES } from "../../shared/limits.js";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import type { StreamEntry, StreamPage } from "../../shared/wire.js";
import { sleep, withTimeout, type Environment } from "../environment.js";
import type { SyncPoint } from "../replica-store.js";
import type { Transport } from "../transport.js";
import { backoffMs } from "./backoff.js";
import { reasonOf, type SyncState } from "./state.js";

/** A query that takes longer than this has been lost, in ms. */
const QUERY_TIMEOUT_MS = 30_000;

export type PullHost = {
  readonly fieldsHash: string;
  syncPoint(): SyncPoint;
  /** Stores entries together with the position after them, then shows them. */
  apply(entries: readonly StreamEntry[], sync: SyncPoint): Promise<void>;
  /** Server and client understand each other: changes may be sent. */
  agreed(): void;
  report(state: Partial<SyncState>): void;
};

/** Follows the server's log: a first load in pages, then one subscription as the live tail (C7). */
export class Puller {
  readonly #transport: Transport;
  readonly #environment: Environment;
  readonly #host: PullHost;
  #running: AbortController | null = null;
  /** How often in a row it went wrong before anything arrived. */
  #failures = 0;
  /** How far the first load is; it never goes back, although the log grows while it is read. */
  #fraction = 0;

  constructor(transport: Transport, environment: Environment, host: PullHost) {
    this.#transport = transport;
    this.#environment = environment;
    this.#host = host;
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#host.report({ caughtUp: false });
  }

  async #run(signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        await this.#untilConnected(signal);
        await this.#checkProtocol();
        if (signal.aborted) return;
        this.#host.agreed();
        await this.#firstLoad(signal);
        await this.#followTail(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#host.report({ caughtUp: false, pullReason: reasonOf(error as Error) });
        await sleep(this.#environment, backoffMs(this.#failures++, this.#environment), signal);
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

  async #checkProtocol() {
    const { version, fields } = await this.#timed(this.#transport.protocol());
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
  }

  async #firstLoad(signal: AbortSignal) {
    while (!this.#host.syncPoint().complete && !signal.aborted) {
      const { cursor, syncedAt } = this.#host.syncPoint();
      const page = await this.#timed(this.#transport.stream({ cursor, rows: true }));
      if (signal.aborted) return;
      await this.#host.apply(page.entries, {
        cursor: page.cursor,
        complete: page.done,
        syncedAt: page.done ? this.#environment.now() : syncedAt,
      });
      this.#fraction = Math.max(this.#fraction, page.progress);
      this.#reportProgress({ fraction: this.#fraction });
    }
  }

  /** Applies what the subscription brings, and returns when it should start from a later cursor. */
  #followTail(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return resolve();
      let unsubscribe = () => {};
      let ended = false;
      let applied: readonly StreamEntry[] = [];
      let latest: StreamPage | null = null;
      let working = false;

      const end = (error?: Error) => {
        ended = true;
        unsubscribe();
        signal.removeEventListener("abort", onAbort);
        if (error) reject(error);
        else resolve();
      };
      const onAbort = () => end();
      const work = async () => {
        if (working) return;
        working = true;
        while (latest && !signal.aborted) {
          const page: StreamPage = latest;
          latest = null;
          await this.#applyTail(page, newEntries(page.entries, applied));
          applied = page.entries;
          if (!page.done || isLong(page.entries)) return end();
        }
        working = false;
      };
      const onPage = (page: StreamPage) => {
        latest = page;
        work().catch(end);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const { cursor } = this.#host.syncPoint();
      unsubscribe = this.#transport.subscribe(cursor, onPage, end);
      if (ended) unsubscribe(); // a client that knows an error already says so at once
    });
  }

  async #applyTail(page: StreamPage, entries: readonly StreamEntry[]) {
    const { syncedAt } = this.#host.syncPoint();
    if (entries.length > 0) {
      await this.#host.apply(entries, {
        cursor: page.cursor,
        complete: true,
        syncedAt: page.done ? this.#environment.now() : syncedAt,
      });
    }
    this.#reportProgress({ caughtUp: page.done, fraction: 1 });
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

/**
 * A tail's result holds everything since its cursor; what an earlier result ended with is skipped.
 * When compaction has changed the log in between, all of it is applied again, which is harmless.
 */
function newEntries(
  entries: readonly StreamEntry[],
  applied: readonly StreamEntry[],
): readonly StreamEntry[] {
  const last = applied.at(-1);
  const same = entries[applied.length - 1];
  return last && same && isSameEntry(last, same) ? entries.slice(applied.length) : entries;
}

function isSameEntry(a: StreamEntry, b: StreamEntry): boolean {
  if (a.document !== b.document || a.generation !== b.generation || a.kind !== b.kind) return false;
  const [x, y] = [new Uint8Array(a.bytes), new Uint8Array(b.bytes)];
  return x.length === y.length && x.every((byte, index) => byte === y[index]);
}

function isLong(entries: readonly StreamEntry[]): boolean {
  const bytes = entries.reduce((total, entry) => total + entry.bytes.byteLength, 0);
  return entries.length >= TAIL_ENTRIES || bytes >= TAIL_BYTES;
}
