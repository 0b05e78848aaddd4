import type { Doc } from "./_generated/dataModel.js";
import type { MutationCtx } from "./_generated/server.js";
import type { Changes } from "./changes.js";
import { deleteRow, groupEntries, keepRow } from "./entries.js";
import { newestGeneration, rowsOfGeneration, weightOf, type Bounds } from "./generations.js";
import { nextPart } from "./parts.js";

/**
 * What the removals of one mutation read again at most in order to delete it: with all that was read
 * to decide them it stays below Convex's 16 MiB, even where deleting counts as reading (S8). What is
 * left over, the tombstones outdate.
 */
const MAX_CLEARED: Readonly<Bounds> = { rows: 4_000, bytes: 6 * 1024 * 1024 };

type Ended = Pick<Doc<"updates">, "scope" | "document" | "part" | "generation">;

/** Takes what removals end out of the log, as much as one mutation can. */
export class Clearing {
  #rows = MAX_CLEARED.rows;
  #bytes = MAX_CLEARED.bytes;

  constructor(
    readonly ctx: MutationCtx,
    readonly changes: Changes,
  ) {}

  /**
   * Takes the updates of a generation that ends out of the log; its tombstone alone speaks for it from
   * now on. They stay as history if the removal is to, or any of them was written to stay.
   *
   * @returns whether they stay.
   */
  async clear(ended: Ended, keep = false): Promise<boolean> {
    const { ctx, changes } = this;
    const { document, generation } = ended;
    const place = { collection: changes.collection, document, part: ended.part };
    const newest = await newestGeneration(ctx, place);
    // Not said by the rows that are deleted, since these may be only some of them, or none.
    if (newest.live && newest.generation === generation) {
      changes.add(newest.scope!, document, { documents: -1 });
    }
    const cleared: Doc<"updates">[] = [];
    for (let part = await this.#partAfter(place, null); part !== null;) {
      const bounds = { rows: this.#rows, bytes: this.#bytes };
      const { rows } = await rowsOfGeneration(ctx, { ...place, part }, generation, bounds);
      cleared.push(...this.#affordable(rows.filter(({ kind }) => kind === "update")));
      part = await this.#partAfter(place, part);
    }
    const keeps = keep || cleared.some((row) => row.keep);
    for (const row of cleared) {
      // What a snapshot replaced is there already.
      if (keeps && !row.replaces) await keepRow(ctx, changes, row);
      else await deleteRow(ctx, changes, row);
    }
    return keeps;
  }

  #partAfter(
    { collection, document }: { collection: string; document: string },
    part: string | null,
  ) {
    return nextPart(this.ctx, "updates", { collection, document, part });
  }

  /** The rows that may still be deleted; whole entries, so that what is left can be read. */
  #affordable(rows: readonly Doc<"updates">[]): Doc<"updates">[] {
    return groupEntries(rows).flatMap((entry) => {
      if (this.#rows <= 0 || this.#bytes <= 0) return [];
      this.#rows -= entry.rows.length;
      // Inline bytes are read twice by then, payloads once.
      for (const row of entry.rows) this.#bytes -= weightOf(row) + (row.payload ? 0 : row.size);
      return entry.rows;
    });
  }
}
