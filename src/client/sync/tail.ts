import type { StreamEntry, StreamPage } from "../../shared/wire.js";
import type { Transport } from "../platform/transport.js";
import { isLong, newEntries } from "./entries.js";

export type TailHost = {
  transport: Transport;
  /**
   * Stores what a page brings.
   *
   * @param isCaughtUp Whether the page is all that the server has, as known at the time of the call:
   * fetching what the page needs may outlast a lost connection.
   * @param signal Aborted once the tail is over: then the page must not be reported as the current state.
   */
  apply(
    page: StreamPage,
    entries: readonly StreamEntry[],
    isCaughtUp: () => boolean,
    signal: AbortSignal,
  ): Promise<void>;
  /** The connection is gone, and what the server has now is unknown. */
  fallBehind(): void;
  /** Asks the server anything; rejects when syncing cannot go on. */
  confirm(): Promise<void>;
};

/**
 * The live end of the log: one subscription, until its result has grown long (C7). After a cut that
 * result is as old as the cut until the server has answered something else: on one connection a
 * subscription is never behind a later answer.
 */
export class Tail {
  readonly #host: TailHost;
  readonly #stops: (() => void)[] = [];
  readonly #ended: Promise<void>;
  #end!: (error?: Error) => void;
  readonly #over = new AbortController();
  #applied: readonly StreamEntry[] = [];
  /** The newest result, and whether it has still to be applied, or looked at again. */
  #latest: StreamPage | null = null;
  #isFresh = false;
  #isWorking = false;
  #isConnected = true;
  /** Counts cuts, so that an answer from before one confirms nothing after it. */
  #cuts = 0;
  #isConfirmed = true;

  constructor(host: TailHost, cursor: string | null, signal: AbortSignal) {
    this.#host = host;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = (error) => {
        if (this.#isOver) return; // two things can go wrong at once, and no one stops listening twice
        this.#over.abort();
        for (const stop of this.#stops) stop();
        if (error) reject(error);
        else resolve();
      };
    });
    const abort = () => this.#end();
    signal.addEventListener("abort", abort, { once: true });
    this.#until(() => signal.removeEventListener("abort", abort));
    this.#until(host.transport.onConnection(() => this.#onConnection()));
    // A client that knows an error already reports it at once.
    this.#until(host.transport.subscribe(cursor, (page) => this.#bring(page), this.#end));
    if (signal.aborted) abort();
  }

  /** Resolves when it is time to start from a later cursor, or when it was aborted. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  #until(stop: () => void) {
    if (this.#isOver) stop();
    else this.#stops.push(stop);
  }

  #bring(page: StreamPage | null) {
    this.#latest = page;
    this.#isFresh = true;
    if (!this.#isWorking) this.#work().catch(this.#end);
  }

  async #work() {
    this.#isWorking = true;
    while (this.#latest && this.#isFresh && !this.#isOver) {
      const { entries, done } = this.#latest;
      const applied = this.#applied;
      this.#isFresh = false;
      const page = this.#latest;
      const cuts = this.#cuts;
      const isCaughtUp = () => done && this.#isConfirmed && cuts === this.#cuts;
      await this.#host.apply(page, newEntries(entries, applied), isCaughtUp, this.#over.signal);
      this.#applied = entries;
      if (!done || isLong(entries)) return this.#end();
    }
    this.#isWorking = false;
  }

  #onConnection() {
    const isConnected = this.#host.transport.isConnected();
    if (isConnected === this.#isConnected) return;
    this.#isConnected = isConnected;
    if (isConnected && this.#applied.length > 0) {
      this.#end(); // by the newest position the server can tell whether it is still the same one (S6)
    } else if (isConnected) {
      this.#confirm().catch(this.#end);
    } else {
      this.#cuts += 1;
      this.#isConfirmed = false;
      this.#host.fallBehind();
    }
  }

  async #confirm() {
    const cuts = this.#cuts;
    await this.#host.confirm();
    if (cuts !== this.#cuts) return;
    this.#isConfirmed = true;
    this.#bring(this.#latest); // it is current, whether or not it is another one
  }
}
