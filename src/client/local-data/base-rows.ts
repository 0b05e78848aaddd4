import type { FieldTree } from "../../shared/field-tree.js";
import { declaredRow } from "../store/declared.js";
import type { BaseRow, Segment } from "../store/rows.js";

/**
 * Compaction starts when there are this many more segments than half-full ones would need, or this many
 * outdated rows and at least half as many as current ones.
 */
const MAX_SPARE_SEGMENTS = 200;
const MAX_OUTDATED_ROWS = 2_000;

/** Rows in one segment after compaction; 200 to 500 measured best (bench/storage.md). */
const SEGMENT_ROWS = 500;

/** Segments that one step of compaction replaces at most. */
const STEP_SEGMENTS = 300;

type Placed = {
  row: BaseRow;
  /** The same as it lies on disk, where that has fields which are not declared any more. */
  stored?: BaseRow;
  segment: number;
};

/** What to write once more, and the segments that are not needed any more then. */
export type RowMove = { rows: Map<string, BaseRow>; segments: number[] };

/**
 * The newest row of each document as the server has it, and where on disk each of them lies. Rows are
 * log-structured: the segments that hold the fewest newest rows are the ones to clean.
 */
export class BaseRows {
  readonly #tree: FieldTree;
  readonly #placed = new Map<string, Placed>();
  /** How many rows each segment has, and how many of them are the newest of their documents. */
  readonly #segments = new Map<number, { rows: number; newest: number }>();
  #lastSegment = 0;
  #rows = 0;

  constructor(tree: FieldTree) {
    this.#tree = tree;
  }

  /** The newest segment that has been added. */
  get lastSegment(): number {
    return this.#lastSegment;
  }

  get size(): number {
    return this.#placed.size;
  }

  get(document: string): BaseRow | undefined {
    return this.#placed.get(document)?.row;
  }

  /** All of them. */
  all(): [document: string, row: BaseRow][] {
    return [...this.#placed].map(([document, { row }]) => [document, row]);
  }

  /** Adds a segment, which is newer than all before it. */
  add(key: number, segment: Segment) {
    this.#lastSegment = Math.max(this.#lastSegment, key);
    this.#segments.set(key, { rows: segment.length, newest: 0 });
    this.#rows += segment.length;
    for (const [document, stored] of segment) {
      const fields = stored.row && declaredRow(stored.row, this.#tree);
      const placed = { row: stored, segment: key };
      const isWhole = fields === stored.row;
      this.#place(
        document,
        isWhole ? placed : { ...placed, row: { ...stored, row: fields }, stored },
      );
    }
  }

  /** Forgets segments that are not on disk any more. */
  forget(segments: readonly number[]) {
    for (const key of segments) {
      this.#rows -= this.#segments.get(key)?.rows ?? 0;
      this.#segments.delete(key);
    }
  }

  /** What to do about the disk now, of which one step never takes long; null when it is fine. */
  compaction(): RowMove | null {
    const spare = this.#segments.size - Math.ceil((2 * this.size) / SEGMENT_ROWS);
    const outdated = this.#rows - this.size;
    const tooMany = Math.max(MAX_OUTDATED_ROWS, this.size / 2);
    if (spare < MAX_SPARE_SEGMENTS && outdated < tooMany) return null;

    const segments = this.#emptiest();
    const chosen = new Set(segments);
    const rows = [...this.#placed].filter(([, { segment }]) => chosen.has(segment));
    const isWorthIt =
      segments.length > 1 || rows.length < (this.#segments.get(segments[0]!)?.rows ?? 0);
    // As they lie there: a version of the app that goes back to older fields finds their values.
    const moved = rows.map(([id, { row, stored }]) => [id, stored ?? row] as const);
    return isWorthIt ? { segments, rows: new Map(moved) } : null;
  }

  /** The segments with the fewest newest rows that together fill one; at least one. */
  #emptiest(): number[] {
    const order = [...this.#segments].sort(([, a], [, b]) => a.newest - b.newest);
    let rows = 0;
    const full = order.findIndex(([, { newest }]) => (rows += newest) > SEGMENT_ROWS);
    const count = Math.min(full < 0 ? order.length : Math.max(full, 1), STEP_SEGMENTS);
    return order.slice(0, count).map(([key]) => key);
  }

  #place(document: string, placed: Placed) {
    const before = this.#placed.get(document);
    const old = before && this.#segments.get(before.segment);
    if (old) old.newest -= 1;
    this.#placed.set(document, placed);
    this.#segments.get(placed.segment)!.newest += 1;
  }
}
