import { guarded } from "./platform/emitter.js";
import type { ShownChange } from "./local-data/replica.js";
import type { RowFields } from "../shared/operations.js";

/** What a collection's sync run listens to. */
export type RowListener = {
  shown(changes: readonly ShownChange[]): void;
  ready(): void;
};

/** Those who show rows, and which rows they have been told of. */
export class RowListeners {
  readonly #listeners = new Set<RowListener>();
  readonly #told = new Set<string>();

  get size(): number {
    return this.#listeners.size;
  }

  /** @returns takes the listener out again. */
  add(listener: RowListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  shown(changes: readonly ShownChange[]) {
    for (const { id, row } of changes) {
      if (row === null) this.#told.delete(id);
      else this.#told.add(id);
    }
    for (const listener of this.#listeners) guarded(() => listener.shown(changes));
  }

  /** Tells that all rows are gone but these. */
  keep(rows: ReadonlyMap<string, RowFields>) {
    const gone = [...this.#told].filter((id) => !rows.has(id));
    if (gone.length > 0) this.shown(gone.map((id) => ({ id, row: null })));
  }

  ready() {
    for (const listener of this.#listeners) guarded(() => listener.ready());
  }
}
