import { guarded } from "./platform/emitter.js";
import type { ShownChange } from "./local-data/replica.js";

/** What a collection's sync run listens to. */
export type RowListener = {
  shown(changes: readonly ShownChange[]): void;
  ready(): void;
};

/** Those who show rows. */
export class RowListeners {
  readonly #listeners = new Set<RowListener>();

  get size(): number {
    return this.#listeners.size;
  }

  /** @returns takes the listener out again. */
  add(listener: RowListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  shown(changes: readonly ShownChange[]) {
    for (const listener of this.#listeners) guarded(() => listener.shown(changes));
  }

  ready() {
    for (const listener of this.#listeners) guarded(() => listener.ready());
  }
}
