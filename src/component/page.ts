import type { Doc } from "./_generated/dataModel.js";
import type { QueryCtx } from "./_generated/server.js";
import type { ResetReason } from "../shared/wire.js";
import { STUB_BYTES } from "../shared/limits.js";
import { readEntry } from "./bytes.js";
import { later } from "./clock.js";
import { groupEntries, sizeOf, type Entry } from "./entries.js";
import { pastOf } from "./past.js";
import { decodeCursor, encodeCursor, type Position } from "./position.js";

/** Log rows in one page, at most. Convex scans up to 32,000 documents a query. */
export const MAX_PAGE_ROWS = 500;

/** Bytes of updates in one page, unless a single entry is larger. Convex reads up to 16 MiB. */
export const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** Most bytes that the stubs of one page may stand for: a client that has none of them fetches them all. */
export const MAX_STUBBED_BYTES = 16 * 1024 * 1024;

/** An entry is a few rows at most, so a page of this many always holds a whole one. */
const MIN_PAGE_ROWS = 16;

type PageArgs = {
  collection: string;
  scope: string;
  cursor: string | null;
  maxRows?: number;
  maxBytes?: number;
  /** Whether large entries are sent without their bytes, which are then not read either (C7). */
  stubs?: boolean;
};

export async function readPage(ctx: QueryCtx, args: PageArgs) {
  const after = args.cursor === null ? null : decodeCursor(args.cursor);
  const { horizon, epoch } = await pastOf(ctx, args);
  if (args.cursor !== null && (after === null || after.epoch !== epoch))
    return resetPage("restored");
  if (after !== null && after.asOf < horizon) return resetPage("pruned");
  const maxRows = clamp(args.maxRows ?? MAX_PAGE_ROWS, MIN_PAGE_ROWS, MAX_PAGE_ROWS);
  const maxBytes = clamp(args.maxBytes ?? MAX_PAGE_BYTES, 1, MAX_PAGE_BYTES);

  const rows = await rowsAfter(ctx, args, after, maxRows + 1);
  const isAtEnd = rows.length === 0 && after !== null && after.ts > horizon;
  if (isAtEnd && after.ts > (await newestTs(ctx, args))) return resetPage("restored");
  const isStub = (entry: Entry) => args.stubs === true && sizeOf(entry) > STUB_BYTES;
  const { page, more } = cut(rows, maxRows, maxBytes, isStub);
  const entries = await Promise.all(
    page.map(async (entry) => ({
      document: entry.head.document,
      part: entry.head.part,
      generation: entry.head.generation,
      kind: entry.head.kind,
      bytes: isStub(entry) ? null : await readEntry(ctx, entry.rows),
    })),
  );
  const end = page.at(-1)?.rows.at(-1);
  if (!more || !end) {
    const ts = later((end?.ts as bigint | undefined) ?? after?.ts ?? 0n, horizon);
    const cursor = encodeCursor({ ts, inTie: null, asOf: ts, epoch });
    return { entries, cursor, done: true, progress: 1, reset: null };
  }
  const { document, part, chunk } = end;
  const ts = end.ts as bigint;
  const [oldest, newest] = await Promise.all([oldestTs(ctx, args), newestTs(ctx, args)]);
  const asOf = after?.asOf ?? later(newest, horizon);
  return {
    entries,
    cursor: encodeCursor({ ts, inTie: { document, part, chunk }, asOf, epoch }),
    done: false,
    progress: newest === oldest ? 1 : Number(ts - oldest) / Number(newest - oldest),
    reset: null,
  };
}

/** The answer to a client that the log can no longer bring up to date (S6). */
function resetPage(reset: ResetReason) {
  return { entries: [], cursor: null, done: false, progress: 0, reset };
}

/** Whole entries only, up to the bounds, and at least one. */
function cut(
  rows: Doc<"updates">[],
  maxRows: number,
  maxBytes: number,
  isStub: (entry: Entry) => boolean,
) {
  const all = groupEntries(rows.slice(0, maxRows));
  const page: Entry[] = [];
  let bytes = 0;
  let stubbed = 0;
  for (const entry of all) {
    if (isStub(entry)) stubbed += sizeOf(entry);
    else bytes += sizeOf(entry);
    if (page.length > 0 && (bytes > maxBytes || stubbed > MAX_STUBBED_BYTES)) break;
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

function oldestTs(ctx: QueryCtx, args: PageArgs): Promise<bigint> {
  return edgeOf(ctx, args, "asc");
}

function newestTs(ctx: QueryCtx, args: PageArgs): Promise<bigint> {
  return edgeOf(ctx, args, "desc");
}

async function edgeOf(
  ctx: QueryCtx,
  { collection, scope }: PageArgs,
  order: "asc" | "desc",
): Promise<bigint> {
  const edge = await ctx.db
    .query("updates")
    .withIndex("by_position", (q) => q.eq("collection", collection).eq("scope", scope))
    .order(order)
    .first();
  return (edge?.ts as bigint | undefined) ?? 0n;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.floor(value) || min));
}
