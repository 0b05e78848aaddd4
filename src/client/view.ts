import type { CompiledFields } from "../shared/compiled-fields.js";
import {
  applyOperations,
  flatten,
  unflatten,
  type FlatRow,
  type RowFields,
} from "../shared/operations.js";
import type { OutboxRecord } from "./records.js";

/** What the server is known to have of a document; `row` is null when its generation has ended. */
export type BaseRow = { generation: number; row: RowFields | null };

/** What the user sees: base plus pending (DESIGN §2). */
export type View = BaseRow;

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

/** The life of a document that a change is made in; `isPlaced` when it is one that the server has begun. */
export type Life = { generation: number; isPlaced: boolean };

/**
 * The life of the document that a change made on top of these is in (S4). An edit of a row that only a
 * waiting insert makes is in that one's, wherever the server puts it: another may begin meanwhile.
 */
export function lifeOf(
  kind: OutboxRecord["kind"],
  base: BaseRow | undefined,
  records: readonly OutboxRecord[],
  { tree }: CompiledFields,
): Life {
  const layers = new Layers(base, { tree });
  for (const record of records) if (record.rejected === null) layers.apply(record);
  const { generation, flat, life, isInserted } = layers;
  if (kind !== "insert") return { generation: life, isPlaced: flat !== null && !isInserted };
  return { generation: flat === null ? generation + 1 : generation, isPlaced: false };
}

/**
 * A base and the changes on top of it, one after the other. A change of a generation that has ended
 * does nothing: an edit never brings a removed document back, only an insert does.
 */
export class Layers {
  generation: number;
  /** The row so far; null where there is no document. */
  flat: FlatRow | null;
  /** The life that an edit of that row names. */
  life: number;
  /** Whether it is that of an insert among the changes. */
  isInserted = false;
  /** An insert may name an older generation than the one it merges into; edits after it follow. */
  #inserted: number | null = null;

  constructor(base: BaseRow = NOTHING, { tree }: Pick<CompiledFields, "tree">) {
    this.generation = this.life = base.generation;
    this.flat = base.row && flatten(base.row, tree);
  }

  apply(record: OutboxRecord) {
    const { generation, kind, operations } = record;
    if (kind === "insert") {
      this.#inserted = generation;
      if (this.flat === null) {
        this.flat = new Map();
        this.generation = Math.max(this.generation + 1, generation);
        this.life = generation;
        this.isInserted = true;
      }
      applyOperations(this.flat, operations);
    } else if (this.flat !== null && this.reaches(record)) {
      if (kind === "remove") this.flat = null;
      else applyOperations(this.flat, operations);
    }
  }

  /** Whether a change belongs to the life of the document that is reached so far. */
  reaches({ generation }: OutboxRecord): boolean {
    return generation === this.generation || generation === this.#inserted;
  }
}
