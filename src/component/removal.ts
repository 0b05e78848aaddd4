import type { Doc } from "./_generated/dataModel.js";
import type { MutationCtx } from "./_generated/server.js";
import type { StatisticsDeltas } from "./statisticsDeltas.js";
import { deleteRow, groupEntries, moveToHistory } from "./entries.js";
import {
  MAX_ENDED,
  newestGeneration,
  rowsOfGeneration,
  weightOf,
  type Bounds,
} from "./generations.js";
import { nextPart } from "./parts.js";

/**
 * What the removals of one mutation read again at most in order to delete it: with all that was read
 * to decide them it stays below Convex's 16 MiB, even where deleting counts as reading (S8). What is
 * left over, the tombstones outdate.
 */
const MAX_CLEARED: Readonly<Bounds> = { rows: 4_000, bytes: 6 * 1024 * 1024 };

/** Rows of long ended generations that one removal deletes; there are no more than a few of them. */
const MAX_ROWS_OUTDATED = 64;

type Ended = Pick<Doc<"updates">, "scope" | "document" | "part" | "generation">;

/** Takes what removals end out of the log, as much as one mutation can. */
export class Clearing {
  #rows = MAX_CLEARED.rows;
  #bytes = MAX_CLEARED.bytes;

  constructor(
    readonly ctx: MutationCtx,
    readonly deltas: StatisticsDeltas,
  ) {}

  /**
   * Takes the updates of a generation that ends out of the log; its tombstone alone speaks for it from
   * now on. They stay as history if the removal is to, or any of them was written to stay.
   *
   * @returns whether they stay.
   */
  async clear(ended: Ended, keep = false): Promise<boolean> {
    const { ctx, deltas } = this;
    const { document, generation } = ended;
    const place = { collection: deltas.collection, document, part: ended.part };
    const newest = await newestGeneration(ctx, place);
    // Not derived from the deleted rows: perhaps only some of them, or none, are deleted now.
    if (newest.live && newest.generation === generation) {
      deltas.add(newest.scope!, document, { documents: -1 });
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
      if (keeps && !row.replaces) await moveToHistory(ctx, deltas, row);
      else await deleteRow(ctx, deltas, row);
    }
    await this.#forgetOutdated(ended);
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

  /**
   * Forgets generations that ended {@link MAX_ENDED} removals ago, so that a document costs no more the
   * more often it comes and goes. Every reader who has still to see the tombstone of one will see that of
   * the removal at hand, which lies after it in the same scope and ends all generations before its own
   * (S5), or is told to begin anew once that is pruned (S6): generations only go up, so whatever the
   * older one ended the newer one ends as well. Only an insert that is sent again so late goes in as
   * new (S4).
   */
  async #forgetOutdated({ scope, document, part, generation }: Ended) {
    const { ctx, deltas } = this;
    const { collection } = deltas;
    const outdated = await ctx.db
      .query("updates")
      .withIndex("by_generation", (q) =>
        q
          .eq("collection", collection)
          .eq("document", document)
          .eq("part", part)
          .lte("generation", generation - MAX_ENDED),
      )
      .take(MAX_ROWS_OUTDATED);
    // Oldest first, so that nothing is left that a tombstone had outdated when it goes.
    for (const row of this.#affordable(outdated.filter((one) => one.scope === scope))) {
      // Old versions are told apart from what came between them by the removals.
      if (row.keep && !row.replaces) await moveToHistory(ctx, deltas, row);
      else await deleteRow(ctx, deltas, row);
    }
  }
}
