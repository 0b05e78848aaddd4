import { v, type Infer } from "convex/values";
import { FIELDS_PART } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Doc, Id } from "./_generated/dataModel.js";
import { mutation, query, type MutationCtx, type QueryCtx } from "./_generated/server.js";
import { readEntry, slices } from "./bytes.js";
import { failuresOf, forgetFailures, noteFailures, theBatch } from "./importFailures.js";
import { readLive } from "./generations.js";
import { bytesOf } from "./plan.js";
import { existingRule, importFailure } from "./schema.js";

/**
 * Bytes of logs that come with rows that may replace something: read here, for the row, and once more
 * when a log is compacted, they stay below the 16 MiB that Convex reads in a transaction (S8).
 */
const MAX_LOG = { rows: 4_000, bytes: 3 * 1024 * 1024 };
/** Failures that `status` lists. */
const MAX_LISTED = 100;

const row = v.object({
  document: v.string(),
  /** What the app's side made of the row's fields; nothing here looks inside. */
  values: v.string(),
});
type ImportRow = Infer<typeof row>;

const failure = v.object(importFailure);

/** A row by what it holds: one that was changed since is another. */
const mark = v.object({ document: v.string(), hash: v.string() });

const batchToAdd = v.object({
  /** Hash of all that the batch holds. */
  key: v.string(),
  rows: v.array(row),
  /** Rows that were found wrong before they came here. */
  failures: v.array(failure),
});

/**
 * Takes batches of an import in. One that was handed in before is not taken twice: what is left of it
 * goes on, and what failed is tried once more.
 *
 * @returns the batches that have rows to import.
 */
export const add = mutation({
  args: {
    collection: v.string(),
    name: v.string(),
    existing: existingRule,
    batches: v.array(batchToAdd),
  },
  returns: v.array(v.id("imports")),
  handler: async (ctx, { collection, name, existing, batches }) => {
    const open: Id<"imports">[] = [];
    for (const { key, rows, failures } of batches) {
      const found = await ctx.db
        .query("imports")
        .withIndex("by_key", (q) => q.eq("collection", collection).eq("name", name).eq("key", key))
        .unique();
      if (found) {
        if (await reopen(ctx, found, rows)) open.push(found._id);
        continue;
      }
      await forgetFailures(ctx, collection, name, [...rows, ...failures]);
      const id = await ctx.db.insert("imports", {
        ...{ collection, name, key, existing, ...(await stored(ctx, rows)) },
        ...{ inserted: 0, replaced: 0, kept: 0, failed: failures.length },
      });
      await noteFailures(ctx, { _id: id, collection, name }, failures, false);
      if (rows.length > 0) open.push(id);
    }
    return open;
  },
});

/** The next rows of a batch to import, as many as one transaction takes; none when it is finished. */
export const next = query({
  args: { batch: v.id("imports") },
  returns: v.object({ name: v.string(), existing: existingRule, rows: v.array(row) }),
  handler: async (ctx, { batch }) => {
    const { collection, name, existing, ...place } = await theBatch(ctx, batch);
    const { done, waiting, rowsAtOnce, payloads } = place;
    const rows = waiting > 0 ? (await readRows(ctx, payloads)).slice(done, done + rowsAtOnce) : [];
    const fitting = existing === "replace" ? await withShortLogs(ctx, collection, rows) : rows;
    return { name, existing, rows: fitting };
  },
});

/** Which of some rows an import has taken over already. */
export const marked = query({
  args: { collection: v.string(), name: v.string(), marks: v.array(mark) },
  returns: v.array(v.boolean()),
  handler: async (ctx, { collection, name, marks }) =>
    Promise.all(
      marks.map(async ({ document, hash }) => {
        const found = await ctx.db
          .query("importedRows")
          .withIndex("by_row", (q) =>
            q
              .eq("collection", collection)
              .eq("name", name)
              .eq("document", document)
              .eq("hash", hash),
          )
          .first();
        return found !== null;
      }),
    ),
});

/** What became of the rows that `next` gave. Says whether there are more. */
export const record = mutation({
  args: {
    batch: v.id("imports"),
    inserted: v.number(),
    replaced: v.number(),
    kept: v.number(),
    failures: v.array(failure),
    /** Rows to be remembered for `marked`. */
    marks: v.array(mark),
  },
  returns: v.boolean(),
  handler: async (ctx, { batch, inserted, replaced, kept, failures, marks }) => {
    const before = await theBatch(ctx, batch);
    const count = inserted + replaced + kept + failures.length;
    const { collection, name } = before;
    for (const one of marks) await ctx.db.insert("importedRows", { collection, name, ...one });
    await noteFailures(ctx, before, failures, true);
    return advance(ctx, before, {
      done: before.done + count,
      waiting: before.waiting - count,
      inserted: before.inserted + inserted,
      replaced: before.replaced + replaced,
      kept: before.kept + kept,
      failed: before.failed + failures.length,
      rowsAtOnce: before.rowsAtOnce * 2,
    });
  },
});

/**
 * A transaction of a batch failed as a whole: next time it takes half as many rows, until the one that
 * it fails on stands alone and counts as failed. Says whether there are more.
 */
export const halve = mutation({
  args: { batch: v.id("imports"), message: v.string() },
  returns: v.boolean(),
  handler: async (ctx, { batch, message }) => {
    const before = await theBatch(ctx, batch);
    const { done, waiting, rowsAtOnce, payloads, failed } = before;
    if (waiting === 0) return false;
    const rows = Math.min(rowsAtOnce, waiting);
    if (rows > 1) return advance(ctx, before, { rowsAtOnce: Math.ceil(rows / 2) });
    const { document } = (await readRows(ctx, payloads))[done]!;
    await noteFailures(ctx, before, [{ document, code: "SERVER_ERROR", message }], true);
    return advance(ctx, before, { done: done + 1, waiting: waiting - 1, failed: failed + 1 });
  },
});

/** How far an import is. */
export const status = query({
  args: { collection: v.string(), name: v.string() },
  returns: v.object({
    waiting: v.number(),
    inserted: v.number(),
    replaced: v.number(),
    kept: v.number(),
    failed: v.number(),
    /** Some of them, by document. */
    failures: v.array(failure),
  }),
  handler: async (ctx, { collection, name }) => {
    const batches = await ctx.db
      .query("imports")
      .withIndex("by_key", (q) => q.eq("collection", collection).eq("name", name))
      .collect();
    const total = (count: (batch: Doc<"imports">) => number) =>
      batches.reduce((sum, batch) => sum + count(batch), 0);
    const failures = await failuresOf(ctx, collection, name, MAX_LISTED);
    return {
      waiting: total((batch) => batch.waiting),
      inserted: total((batch) => batch.inserted),
      replaced: total((batch) => batch.replaced),
      kept: total((batch) => batch.kept),
      failed: total((batch) => batch.failed),
      failures: failures.map(({ document, code, message }) => ({ document, code, message })),
    };
  },
});

/** The first rows, at least one, as far as the logs of their documents can be read together. */
async function withShortLogs(ctx: QueryCtx, collection: string, rows: ImportRow[]) {
  let bytes = 0;
  for (const [index, { document }] of rows.entries()) {
    const part = { collection, document, part: FIELDS_PART };
    const { entries, whole } = await readLive(ctx, part, MAX_LOG);
    bytes += bytesOf(entries);
    if ((bytes > MAX_LOG.bytes || !whole) && index > 0) return rows.slice(0, index);
  }
  return rows;
}

/** Whether a batch that is handed in once more has something to do. */
async function reopen(ctx: MutationCtx, batch: Doc<"imports">, rows: ImportRow[]) {
  if (batch.waiting > 0) return true;
  const failures = await ctx.db
    .query("importFailures")
    .withIndex("by_batch", (q) => q.eq("batch", batch._id))
    .collect();
  const failed = new Map(failures.filter(({ isRow }) => isRow).map((one) => [one.document, one]));
  const again = rows.filter(({ document }) => failed.has(document));
  if (again.length === 0) return false;
  let counted = 0;
  for (const { document } of again) {
    const { _id, retried } = failed.get(document)!;
    if (!retried) counted++;
    await ctx.db.delete("importFailures", _id);
  }
  const waiting = await stored(ctx, again);
  await ctx.db.patch("imports", batch._id, { ...waiting, failed: batch.failed - counted });
  return true;
}

async function advance(
  ctx: MutationCtx,
  batch: Doc<"imports">,
  progress: Partial<Pick<Doc<"imports">, "done" | "waiting" | "rowsAtOnce" | Counts>>,
) {
  const finished = (progress.waiting ?? batch.waiting) === 0;
  if (finished) for (const payload of batch.payloads) await ctx.db.delete("payloads", payload);
  const payloads = finished ? [] : batch.payloads;
  await ctx.db.patch("imports", batch._id, { ...progress, payloads });
  return !finished;
}

type Counts = "inserted" | "replaced" | "kept" | "failed";

/** Rows are kept as bytes: their values may be nested as deep as Convex allows in a document. */
async function stored(ctx: MutationCtx, rows: ImportRow[]) {
  const payloads: Id<"payloads">[] = [];
  if (rows.length > 0) {
    const bytes = toArrayBuffer(new TextEncoder().encode(JSON.stringify(rows)));
    for (const slice of slices(bytes)) {
      payloads.push(await ctx.db.insert("payloads", { bytes: slice }));
    }
  }
  return { payloads, done: 0, waiting: rows.length, rowsAtOnce: rows.length };
}

async function readRows(ctx: QueryCtx, payloads: Id<"payloads">[]): Promise<ImportRow[]> {
  const parts = payloads.map((payload) => ({ bytes: null, payload, size: 0 }));
  return JSON.parse(new TextDecoder().decode(await readEntry(ctx, parts))) as ImportRow[];
}
