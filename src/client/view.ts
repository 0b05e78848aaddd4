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

/**
 * Applies local changes over the base. A change of a generation that has ended shows nothing: an
 * edit never brings a removed document back, only an insert does.
 */
export function viewOf(
  base: BaseRow | undefined,
  records: readonly OutboxRecord[],
  { tree }: CompiledFields,
): View {
  const start = base ?? NOTHING;
  const pending = records.filter((record) => record.rejected === null);
  if (pending.length === 0) return start;

  let generation = start.generation;
  let flat: FlatRow | null = start.row && flatten(start.row, tree);
  // An insert may name an older generation than the one it will merge into; edits after it follow.
  let inserted: number | null = null;
  for (const record of pending) {
    const current = record.generation === generation || record.generation === inserted;
    if (record.kind === "insert") {
      inserted = record.generation;
      if (flat === null) {
        flat = new Map();
        generation = Math.max(generation + 1, record.generation);
      }
      applyOperations(flat, record.operations);
    } else if (flat !== null && current) {
      if (record.kind === "remove") flat = null;
      else applyOperations(flat, record.operations);
    }
  }
  return { generation, row: flat && unflatten(flat, tree) };
}
