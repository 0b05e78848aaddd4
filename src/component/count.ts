import { getConvexSize, v, type Infer } from "convex/values";
import { FIELDS_PART } from "../shared/plain-part.js";
import { internal } from "./_generated/api.js";
import type { Doc } from "./_generated/dataModel.js";
import { internalQuery, type MutationCtx, type QueryCtx } from "./_generated/server.js";
import { totals, isNothing, minus, NOTHING, plus, type Totals } from "./totals.js";

/** Log rows that one step looks at, and somewhat more, since it never stops inside a document. */
const STEP_ROWS = 500;
/** Size of one document's rows, as much as Convex can read beside everything else. */
const MAX_DOCUMENT_BYTES = 9 * 1024 * 1024;

const batch = v.object({
  /** The commit up to which the log was seen. */
  ts: v.int64(),
  scopes: v.array(v.object({ scope: v.string(), ...totals.fields })),
  rows: v.number(),
  /** The last document that was counted. */
  document: v.union(v.string(), v.null()),
  done: v.boolean(),
});
export type Batch = Infer<typeof batch>;

/** Counts the documents that follow one, as many as fit. */
export const countAfter = internalQuery({
  args: { collection: v.string(), document: v.union(v.string(), v.null()) },
  returns: batch,
  handler: async (ctx, { collection, document: after }) => {
    const following = ctx.db.query("updates").withIndex("by_document", (q) => {
      const all = q.eq("collection", collection);
      return after === null ? all : all.gt("document", after);
    });
    const scopes = new Map<string, Totals>();
    let document: Doc<"updates">[] = [];
    let rows = 0;
    let size = 0;
    let done = true;
    const finishDocument = () => {
      for (const [scope, counted] of countDocument(document)) {
        scopes.set(scope, plus(scopes.get(scope) ?? NOTHING, counted));
      }
      rows += document.length;
    };
    for await (const row of following) {
      if (document.length > 0 && row.document !== document[0]!.document) {
        finishDocument();
        if (rows >= STEP_ROWS) {
          done = false;
          break;
        }
        document = [];
        size = 0;
      }
      document.push(row);
      size += getConvexSize(row);
      if (size > MAX_DOCUMENT_BYTES) throw new Error(tooLong(row));
    }
    if (done) finishDocument();
    return {
      ts: ctx.meta.getSnapshotTs(),
      scopes: [...scopes].map(([scope, counted]) => ({ scope, ...counted })),
      rows,
      document: document[0]?.document ?? after,
      done,
    };
  },
});

/** What all rows of one document, in index order, come to in each scope. */
function countDocument(rows: readonly Doc<"updates">[]): Map<string, Totals> {
  const scopes = new Map<string, Totals>();
  for (const { scope, part, kind, last, size } of rows) {
    const { documents, entries, bytes } = scopes.get(scope) ?? NOTHING;
    scopes.set(scope, {
      // It is there if the newest entry does not end it.
      documents: part === FIELDS_PART ? Number(kind === "update") : documents,
      entries: entries + Number(last),
      bytes: bytes + size,
    });
  }
  return scopes;
}

function tooLong({ collection, document }: Doc<"updates">): string {
  return `Document ${JSON.stringify(document)} of "${collection}" takes more than ${MAX_DOCUMENT_BYTES} bytes in the log, which is more than can be counted at once.`;
}

export function countOf(ctx: QueryCtx, collection: string): Promise<Doc<"counts"> | null> {
  return ctx.db
    .query("counts")
    .withIndex("by_collection", (q) => q.eq("collection", collection))
    .unique();
}

/** A count that has not come to its end, if there is one. */
export async function unfinishedCount(ctx: QueryCtx): Promise<Doc<"counts"> | null> {
  const all = await ctx.db.query("counts").collect();
  return all.find(({ finishedAt }) => finishedAt === null) ?? null;
}

/**
 * Has the log of a collection counted from its beginning. A running count starts again, and repairs if
 * either should.
 */
export async function beginCount(ctx: MutationCtx, collection: string, mends: boolean) {
  const last = await countOf(ctx, collection);
  const isRunning = last?.finishedAt === null;
  const count = {
    collection,
    document: null,
    complete: last?.complete ?? false,
    startedAt: Date.now(),
    finishedAt: null,
    mends: mends || (isRunning && last.mends),
    rows: 0,
    drifts: [],
    failure: null,
  };
  if (last) await ctx.db.replace("counts", last._id, count);
  else await ctx.db.insert("counts", count);
  for (const row of await statisticsOf(ctx, collection)) {
    await ctx.db.patch("statistics", row._id, { counted: NOTHING });
  }
}

/** Adds a batch to the running count. The statistics must include every change up to `batch.ts`. */
export async function takeBatch(ctx: MutationCtx, count: Doc<"counts">, batch: Batch) {
  const { collection } = count;
  for (const { scope, ...counted } of batch.scopes) {
    const row = await statisticOf(ctx, collection, scope);
    if (row) {
      const sum = plus(row.counted ?? NOTHING, counted);
      await ctx.db.patch("statistics", row._id, { counted: sum });
    } else {
      await ctx.db.insert("statistics", { collection, scope, ...NOTHING, counted });
    }
  }
  const { document, done } = batch;
  const rows = count.rows + batch.rows;
  await ctx.db.patch("counts", count._id, { document, rows });
  if (done) await finishCount(ctx, { ...count, rows });
}

async function finishCount(ctx: MutationCtx, { _id, collection, complete, mends }: Doc<"counts">) {
  const drifts: Doc<"counts">["drifts"] = [];
  for (const { _id, scope, counted, ...current } of await statisticsOf(ctx, collection)) {
    const actual = counted ?? NOTHING;
    const drift = minus(actual, current);
    if (complete && !isNothing(drift)) drifts.push({ scope, ...drift });
    const mended = mends || !complete ? actual : {};
    await ctx.db.patch("statistics", _id, { ...mended, counted: null });
  }
  await ctx.db.patch("counts", _id, { complete: true, drifts, finishedAt: Date.now() });
}

/** Ends a count that cannot go on; the statistics stay as they are. */
export async function giveUpCount(
  ctx: MutationCtx,
  { _id, collection }: Doc<"counts">,
  why: string,
) {
  for (const row of await statisticsOf(ctx, collection)) {
    await ctx.db.patch("statistics", row._id, { counted: null });
  }
  await ctx.db.patch("counts", _id, { finishedAt: Date.now(), failure: why });
}

function statisticsOf(ctx: QueryCtx, collection: string) {
  return ctx.db
    .query("statistics")
    .withIndex("by_scope", (q) => q.eq("collection", collection))
    .collect();
}

export function statisticOf(ctx: QueryCtx, collection: string, scope: string) {
  return ctx.db
    .query("statistics")
    .withIndex("by_scope", (q) => q.eq("collection", collection).eq("scope", scope))
    .unique();
}

/** The next documents to count, or why they cannot be. */
export async function nextBatch(
  ctx: MutationCtx,
  { collection, document }: Doc<"counts">,
): Promise<Batch | string> {
  try {
    // Without it, every push to these documents would have this transaction run again.
    const snapshot = { useStaleSnapshot: true };
    return await ctx.runQuery(internal.count.countAfter, { collection, document }, snapshot);
  } catch (error) {
    return (error as Error).message;
  }
}
