import type { Doc } from "./_generated/dataModel.js";
import type { QueryCtx } from "./_generated/server.js";
import { readEntry } from "./bytes.js";
import { groupEntries, sizeOf, type Entry } from "./entries.js";
import { decodeCursor, encodeCursor, type Position } from "./position.js";

/** Log rows in one page, at most. Convex scans up to 32,000 documents a query. */
export const MAX_PAGE_ROWS = 500;

/** Bytes of updates in one page, unless a single entry is larger. Convex reads up to 16 MiB. */
export const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** An entry is a few rows at most, so a page of this many always holds a whole one. */
const MIN_PAGE_ROWS = 16;

type PageArgs = {
  collection: string;
  scope: string;
  cursor: string | null;
  maxRows?: number;
  maxBytes?: number;
};

export async function readPage(ctx: QueryCtx, args: PageArgs) {
  const after = decodeCursor(args.cursor);
  const maxRows = clamp(args.maxRows ?? MAX_PAGE_ROWS, MIN_PAGE_ROWS, MAX_PAGE_ROWS);
  const maxBytes = clamp(args.maxBytes ?? MAX_PAGE_BYTES, 1, MAX_PAGE_BYTES);

  const rows = await rowsAfter(ctx, args, after, maxRows + 1);
  const { page, more } = cut(rows, maxRows, maxBytes);
  const entries = await Promise.all(
    page.map(async ({ head, rows }) => ({
      document: head.document,
      part: head.part,
      generation: head.generation,
      kind: head.kind,
      bytes: await readEntry(ctx, rows),
    })),
  );
  const end = page.at(-1)?.rows.at(-1);
  return {
    entries,
    cursor: end ? encodeCursor(positionOf(end, more)) : after ? encodeCursor(after) : null,
    done: !more,
    progress: more && end ? await progressAt(ctx, args, end.ts) : 1,
  };
}

/** Whole entries only, up to the bounds, and at least one. */
function cut(rows: Doc<"updates">[], maxRows: number, maxBytes: number) {
  const all = groupEntries(rows.slice(0, maxRows));
  const page: Entry[] = [];
  let bytes = 0;
  for (const entry of all) {
    bytes += sizeOf(entry);
    if (page.length > 0 && bytes > maxBytes) break;
    page.push(entry);
  }
  return { page, more: page.length < all.length || rows.length > maxRows };
}

/**
 * The first `limit` rows after a position: inside a tie that takes a range for each column of the
 * index key, elsewhere one.
 */
async function rowsAfter(
  ctx: QueryCtx,
  { collection, scope }: PageArgs,
  after: Position | null,
  limit: number,
): Promise<Doc<"updates">[]> {
  const ranges = () => ctx.db.query("updates");
  const found: Doc<"updates">[] = [];
  if (after?.inTie) {
    const { ts, inTie } = after;
    const { document, part, chunk } = inTie;
    const tie = [
      () =>
        ranges().withIndex("by_position", (q) =>
          q
            .eq("collection", collection)
            .eq("scope", scope)
            .eq("ts", ts)
            .eq("document", document)
            .eq("part", part)
            .gt("chunk", chunk),
        ),
      () =>
        ranges().withIndex("by_position", (q) =>
          q
            .eq("collection", collection)
            .eq("scope", scope)
            .eq("ts", ts)
            .eq("document", document)
            .gt("part", part),
        ),
      () =>
        ranges().withIndex("by_position", (q) =>
          q.eq("collection", collection).eq("scope", scope).eq("ts", ts).gt("document", document),
        ),
    ];
    for (const range of tie) {
      if (found.length < limit) found.push(...(await range().take(limit - found.length)));
    }
  }
  if (found.length < limit) {
    const rest = ranges().withIndex("by_position", (q) => {
      const inScope = q.eq("collection", collection).eq("scope", scope);
      return after ? inScope.gt("ts", after.ts) : inScope;
    });
    found.push(...(await rest.take(limit - found.length)));
  }
  return found;
}

function positionOf(row: Doc<"updates">, more: boolean): Position {
  const { ts, document, part, chunk } = row;
  return { ts: ts as bigint, inTie: more ? { document, part, chunk } : null };
}

async function progressAt(ctx: QueryCtx, args: PageArgs, ts: Doc<"updates">["ts"]) {
  const inScope = () =>
    ctx.db
      .query("updates")
      .withIndex("by_position", (q) => q.eq("collection", args.collection).eq("scope", args.scope));
  const [oldest, newest] = await Promise.all([
    inScope().order("asc").first(),
    inScope().order("desc").first(),
  ]);
  if (!oldest || !newest) return 1;
  const span = Number((newest.ts as bigint) - (oldest.ts as bigint));
  return span === 0 ? 1 : Number((ts as bigint) - (oldest.ts as bigint)) / span;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.floor(value) || min));
}
