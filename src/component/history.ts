import { v, type Infer } from "convex/values";
import type { WithoutSystemFields } from "convex/server";
import type { Doc } from "./_generated/dataModel.js";
import { query, type QueryCtx } from "./_generated/server.js";
import { readEntry } from "./bytes.js";
import { groupEntries } from "./entries.js";
import type { PartName } from "./generations.js";

// Old versions of documents, read from the log and from what was moved out of it (`keep`). For each
// generation the log has the newest entries, and its snapshot stands for everything before them.

/** What one call reads at most, in rows and in bytes of updates: Convex reads up to 16 MiB (S8). */
const MAX_ROWS_READ = 4_000;
const MAX_BYTES_READ = 10 * 1024 * 1024;

const MAX_TS = 2n ** 63n - 1n;

type Row = WithoutSystemFields<Doc<"updates">> & { ts: bigint };
const partName = { collection: v.string(), document: v.string(), part: v.string() };

const version = v.object({
  /** The commit that made it. */
  ts: v.int64(),
  /** What the commit did; `snapshot` where several commits are known only by what they came to. */
  op: v.union(v.literal("insert"), v.literal("update"), v.literal("remove"), v.literal("snapshot")),
});

/** The versions of a part before a commit, newest first. */
export const versions = query({
  args: { ...partName, before: v.optional(v.int64()), limit: v.number() },
  returns: v.array(version),
  handler: async (ctx, { before, limit, ...part }) => {
    const found: Infer<typeof version>[] = [];
    let commit: Row[] = [];
    let rows = 0;
    for await (const row of newestFirst(ctx, part, (before ?? MAX_TS) - 1n)) {
      if (++rows > MAX_ROWS_READ && found.length > 0) return found;
      // What it replaced follows.
      if (row.replaces) continue;
      if (commit.length > 0 && row.ts !== commit[0]!.ts) {
        found.push(versionOf(commit, row));
        if (found.length >= limit) return found;
        commit = [];
      }
      commit.push(row);
    }
    if (commit.length > 0) found.push(versionOf(commit, null));
    return found;
  },
});

/**
 * @param commit Rows of one commit, newest first.
 * @param older The newest row before them.
 */
function versionOf(commit: readonly Row[], older: Row | null): Infer<typeof version> {
  const { ts, kind, generation } = commit[0]!;
  if (kind === "tombstone") return { ts, op: "remove" };
  if (commit.some(({ replaces }) => replaces === null)) return { ts, op: "snapshot" };
  return { ts, op: older?.generation === generation ? "update" : "insert" };
}

/**
 * The updates that a part consisted of right after a commit, in log order; null when it was not there then,
 * or when nobody knows any more.
 */
export const versionAt = query({
  args: { ...partName, ts: v.int64() },
  returns: v.union(v.null(), v.array(v.bytes())),
  handler: async (ctx, { ts, ...part }) => {
    const rows: Row[] = [];
    let bytes = 0;
    for await (const row of newestFirst(ctx, part, ts)) {
      const newer = rows.at(-1);
      if (newer === undefined) {
        if (row.kind === "tombstone") return null;
        if (row.ts < ts && (await isUnknown(ctx, part, ts))) return null;
      } else {
        // A snapshot holds all that came before.
        if (row.generation !== newer.generation) break;
        if (row.last && newer.replaces !== undefined) break;
      }
      rows.push(row);
      bytes += row.size;
      if (rows.length > MAX_ROWS_READ || bytes > MAX_BYTES_READ) throw new Error(tooMuch(part, ts));
    }
    const entries = groupEntries(rows.reverse());
    if (entries.length === 0) return null;
    return Promise.all(entries.map((entry) => readEntry(ctx, entry.rows)));
  },
});

/** Whether the state at `ts` cannot be known: the next row after it replaced older ones without keeping them. */
async function isUnknown(ctx: QueryCtx, part: PartName, ts: bigint): Promise<boolean> {
  const [logged, kept] = await Promise.all([
    after(ctx, "updates", part, ts),
    after(ctx, "history", part, ts),
  ]);
  const next = kept === null || (logged !== null && isNewer(kept, logged)) ? logged : kept;
  if (next === null) return false;
  return next.replaces === null || (next.kind === "tombstone" && next.keep !== true);
}

function after(
  ctx: QueryCtx,
  table: "updates" | "history",
  { collection, document, part }: PartName,
  ts: bigint,
): Promise<Row | null> {
  return ctx.db
    .query(table)
    .withIndex("by_document", (q) =>
      q.eq("collection", collection).eq("document", document).eq("part", part).gt("ts", ts),
    )
    .first() as Promise<Row | null>;
}

/** All that is known of a part up to a commit, row by row. Leaves out what this transaction has written itself. */
async function* newestFirst(ctx: QueryCtx, part: PartName, until: bigint): AsyncGenerator<Row> {
  const log = upTo(ctx, "updates", part, until);
  const history = upTo(ctx, "history", part, until);
  try {
    let [logged, kept] = await Promise.all([log.next(), history.next()]);
    while (!logged.done || !kept.done) {
      if (kept.done || (!logged.done && isNewer(logged.value, kept.value))) {
        if (logged.done) return;
        yield logged.value;
        logged = await log.next();
      } else {
        yield kept.value;
        kept = await history.next();
      }
    }
  } finally {
    await Promise.all([log.return(null), history.return(null)]);
  }
}

async function* upTo(
  ctx: QueryCtx,
  table: "updates" | "history",
  { collection, document, part }: PartName,
  until: bigint,
): AsyncGenerator<Row> {
  const rows = ctx.db
    .query(table)
    .withIndex("by_document", (q) =>
      q.eq("collection", collection).eq("document", document).eq("part", part).lte("ts", until),
    )
    .order("desc");
  for await (const row of rows) if (typeof row.ts === "bigint") yield row as Row;
}

function isNewer(a: Row, b: Row): boolean {
  return a.ts > b.ts || (a.ts === b.ts && a.chunk > b.chunk);
}

function tooMuch({ collection, document }: PartName, ts: bigint): string {
  return `Document ${JSON.stringify(document)} of "${collection}" as of commit ${ts} takes more than ${MAX_ROWS_READ} log rows or ${MAX_BYTES_READ} bytes to rebuild, which is more than can be read at once.`;
}
