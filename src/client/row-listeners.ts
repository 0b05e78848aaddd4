import { guarded } from "./platform/emitter.js";
import type { ShownChange } from "./local-data/replica.js";
import type { RowFields } from "../shared/operations.js";

/** What a collection's sync run listens to. */
export type RowListener = {
  shown(changes: readonly ShownChange[]): void;
  ready(): void;
};

/** Those who show rows, and the ids of the rows that they show. */
export class RowListeners {
  readonly #listeners = new Set<RowListener>();
  readonly #ids = new Set<string>();

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
      if (row === null) this.#ids.delete(id);
      else this.#ids.add(id);
    }
    for (const listener of this.#listeners) guarded(() => listener.shown(changes));
  }

  /** Reports all rows but these as gone. */
  keep(rows: ReadonlyMap<string, RowFields>) {
    const gone = [...this.#ids].filter((id) => !rows.has(id));
    if (gone.length > 0) this.shown(gone.map((id) => ({ id, row: null })));
  }

  ready() {
    for (const listener of this.#listeners) guarded(() => listener.ready());
  }
}
