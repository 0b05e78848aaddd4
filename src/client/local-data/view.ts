import type { CompiledFields } from "../../shared/compiled-fields.js";
import { applyOperations, flatten, unflatten, type FlatRow } from "../../shared/operations.js";
import type { OutboxRecord } from "../store/records.js";
import type { BaseRow } from "../store/rows.js";

/** What the user sees: base plus pending. */
export type View = Omit<BaseRow, "insertedAs">;

const NOTHING: BaseRow = { generation: 0, row: null };

/** The view of a document: the base with the pending ones of its records on top. */
export function viewOf(
  base: BaseRow | undefined,
  records: readonly OutboxRecord[] | undefined,
  { tree }: CompiledFields,
): View {
  const pending = records?.filter((record) => record.rejected === null) ?? [];
  if (pending.length === 0) return base ?? NOTHING;
  const layers = new Layers(base, { tree });
  for (const record of pending) layers.apply(record);
  const { generation, flat } = layers;
  return { generation, row: flat && unflatten(flat, tree) };
}

/**
 * The generation of the document that a change made on top of these is in (S4). An edit of a row that
 * exists only through a pending insert belongs to that insert's generation, wherever the server puts
 * it, even if another begins meanwhile.
 */
export function generationOf(
  kind: OutboxRecord["kind"],
  base: BaseRow | undefined,
  records: readonly OutboxRecord[],
  { tree }: CompiledFields,
): number {
  const layers = new Layers(base, { tree });
  for (const record of records) if (record.rejected === null) layers.apply(record);
  if (kind !== "insert") return layers.editGeneration;
  return layers.flat === null ? layers.generation + 1 : layers.generation;
}

/**
 * A base and the changes on top of it, one after the other. A change of a generation that has ended
 * does nothing: an edit never brings a removed document back, only an insert does.
 */
export class Layers {
  generation: number;
  /** The row so far; null where there is no document. */
  flat: FlatRow | null;
  /** The generation that an edit of that row names. */
  editGeneration: number;
  /** Generations that inserts named and that turned out to be this one; edits that name them belong here. */
  #names: Set<number | undefined>;

  constructor(base: BaseRow = NOTHING, { tree }: Pick<CompiledFields, "tree">) {
    this.generation = this.editGeneration = base.generation;
    this.#names = new Set([base.generation, base.insertedAs]);
    this.flat = base.row && flatten(base.row, tree);
  }

  apply(record: OutboxRecord) {
    const { generation, kind, operations } = record;
    if (kind === "insert") {
      if (this.flat === null) {
        this.flat = new Map();
        this.generation = Math.max(this.generation + 1, generation);
        this.editGeneration = generation;
        this.#names = new Set([this.generation]);
      }
      this.#names.add(generation);
      applyOperations(this.flat, operations);
    } else if (this.flat !== null && this.reaches(record)) {
      if (kind === "remove") this.flat = null;
      else applyOperations(this.flat, operations);
    }
  }

  /** Whether a change belongs to the generation of the document that is reached so far. */
  reaches({ generation }: OutboxRecord): boolean {
    return this.#names.has(generation);
  }
}
