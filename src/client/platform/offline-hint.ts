import { Emitter } from "./emitter.js";
import type { Page } from "./page.js";

/**
 * Whether a connection is doubtful that still looks open: a socket without a network goes unnoticed for
 * up to a minute. It is, from the moment that the device says it has no network, until it says that it has
 * one, or the server answers all the same, as one on this very machine does.
 */
export class OfflineHint {
  readonly #page: Pick<Page, "onNetwork">;
  readonly #probe: () => Promise<unknown>;
  readonly #changed = new Emitter<[]>();
  /** Counts losses, so that an answer to an earlier question says nothing of a later one. */
  #losses = 0;
  #isOffline = false;
  #listeners = 0;
  #stop = () => {};

  /** @param probe Asks the server anything. */
  constructor(page: Pick<Page, "onNetwork">, probe: () => Promise<unknown>) {
    this.#page = page;
    this.#probe = probe;
  }

  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** Listens to the page only while somebody listens here. */
  onChange(listener: () => void): () => void {
    if (this.#listeners++ === 0) this.#stop = this.#page.onNetwork((online) => this.#hear(online));
    const forget = this.#changed.on(listener);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      forget();
      if (--this.#listeners > 0) return;
      this.#stop();
      this.#isOffline = false;
    };
  }

  #hear(online: boolean) {
    if (online) return this.#set(false);
    const loss = ++this.#losses;
    this.#set(true);
    const trust = () => loss === this.#losses && this.#set(false);
    this.#probe().then(trust, trust);
  }

  #set(isOffline: boolean) {
    if (isOffline === this.#isOffline) return;
    this.#isOffline = isOffline;
    this.#changed.emit();
  }
}
