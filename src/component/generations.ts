import { getConvexSize } from "convex/values";
import type { Doc } from "./_generated/dataModel.js";
import type { QueryCtx } from "./_generated/server.js";
import { groupEntries, type Entry } from "./entries.js";

// Which generations of a document the log knows, read so that what it costs depends on neither how
// many there were nor how long the log is (S8).

/**
 * Ended generations of one document that are remembered: enough for every insert that is sent again
 * (S4) unless its document came and went as often meanwhile.
 */
export const MAX_ENDED = 32;

export type PartName = { collection: string; document: string; part: string };

/**
 * The newest generation of a part, live or ended; 0 when it was never there.
 *
 * @param until Nothing that was committed later is looked at.
 */
export async function newestGeneration(
  ctx: QueryCtx,
  { collection, document, part }: PartName,
  until?: bigint,
) {
  const newest = await byDocument(ctx, { collection, document, part }, until).order("desc").first();
  return { ...newestOf(newest), scope: newest?.scope ?? null };
}

function byDocument(ctx: QueryCtx, { collection, document, part }: PartName, until?: bigint) {
  return ctx.db.query("updates").withIndex("by_document", (q) => {
    const all = q.eq("collection", collection).eq("document", document).eq("part", part);
    return until === undefined ? all : all.lte("ts", until);
  });
}

/** What the newest row of a part says of it. */
function newestOf(newest: Doc<"updates"> | null) {
  return { generation: newest?.generation ?? 0, live: newest?.kind === "update" };
}

/** What is read of a generation at most, and somewhat more: it ends with the row that reaches it. */
export type Bounds = { rows: number; bytes: number };

/**
 * The rows of one generation, oldest first, with what it takes to read them with their payloads.
 * `whole` says whether these are all.
 */
export async function rowsOfGeneration(
  ctx: QueryCtx,
  { collection, document, part }: PartName,
  generation: number,
  bounds: Bounds,
  until?: bigint,
): Promise<{ rows: Doc<"updates">[]; bytes: number; whole: boolean }> {
  const range = ctx.db.query("updates").withIndex("by_generation", (q) => {
    const all = q
      .eq("collection", collection)
      .eq("document", document)
      .eq("part", part)
      .eq("generation", generation);
    return until === undefined ? all : all.lte("ts", until);
  });
  const rows: Doc<"updates">[] = [];
  let bytes = 0;
  for await (const row of range) {
    if (rows.length >= bounds.rows || bytes >= bounds.bytes) return { rows, bytes, whole: false };
    rows.push(row);
    bytes += weightOf(row);
  }
  return { rows, bytes, whole: true };
}

/** Bytes that Convex counts for reading a row of the log with its payload. */
export function weightOf(row: Doc<"updates">): number {
  return getConvexSize(row) + (row.payload ? row.size : 0);
}

/**
 * Which generation is the newest, and as much as may be read of it if it is live: the oldest part of
 * one that is too long. A generation's rows follow one another, so the newest rows tell, in one range
 * and without a row more, except for the one before them.
 */
export async function readLive(ctx: QueryCtx, part: PartName, bounds: Bounds, until?: bigint) {
  const rows: Doc<"updates">[] = [];
  let newest: Doc<"updates"> | null = null;
  let bytes = 0;
  for await (const row of byDocument(ctx, part, until).order("desc")) {
    newest ??= row;
    if (row.kind === "tombstone" || row.generation < newest.generation) break;
    if (rows.length >= bounds.rows || bytes >= bounds.bytes) {
      const { generation } = newest;
      const oldest = await rowsOfGeneration(ctx, part, generation, bounds, until);
      const { length } = oldest.rows;
      return {
        ...oldest,
        generation,
        live: true,
        entries: groupEntries(oldest.rows),
        rows: length,
      };
    }
    rows.push(row);
    bytes += weightOf(row);
  }
  const { generation, live } = newestOf(newest);
  const entries = groupEntries(rows.reverse());
  return { generation, live, entries, rows: rows.length, bytes, whole: true };
}

/** The tombstones of the newest generations from `since` on, oldest first. */
export async function tombstonesSince(
  ctx: QueryCtx,
  { collection, document, part }: PartName,
  since: number,
): Promise<Entry[]> {
  const newestFirst = (before: number) =>
    ctx.db
      .query("updates")
      .withIndex("by_generation", (q) =>
        q
          .eq("collection", collection)
          .eq("document", document)
          .eq("part", part)
          .gte("generation", since)
          .lt("generation", before),
      )
      .order("desc");
  const rows: Doc<"updates">[] = [];
  let count = 0;
  let before: number | null = Infinity;
  for (let ranges = 0; before !== null && ranges < MAX_ENDED; ranges++) {
    const range = newestFirst(before);
    before = null;
    for await (const row of range) {
      if (row.kind === "update") {
        // The live generation, or what a removal had left of a long one: past all of it.
        before = row.generation;
        break;
      }
      if (row.last && ++count > MAX_ENDED) break;
      rows.push(row);
    }
  }
  return groupEntries(rows.reverse());
}
