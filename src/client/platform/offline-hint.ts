import { Emitter } from "./emitter.js";
import type { Page } from "./page.js";

/**
 * Whether the device is probably offline although its socket still looks open, which goes unnoticed for up
 * to a minute: from the browser's `offline` event until its `online` event, or until the server answers
 * all the same, as one on this very machine does.
 */
export class OfflineHint {
  readonly #page: Pick<Page, "onNetwork">;
  readonly #probe: () => Promise<unknown>;
  readonly #changed = new Emitter<[]>();
  /** Counts losses, so that an answer to an earlier question does not settle a later one. */
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
    if (this.#listeners++ === 0)
      this.#stop = this.#page.onNetwork((online) => this.#onNetwork(online));
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

  #onNetwork(online: boolean) {
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
