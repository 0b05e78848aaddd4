import type { ObjectType } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel.js";
import type { MutationCtx, QueryCtx } from "./_generated/server.js";
import type { importFailure } from "./schema.js";

type Failure = ObjectType<typeof importFailure>;

export async function theBatch(ctx: QueryCtx, id: Id<"imports">): Promise<Doc<"imports">> {
  const batch = await ctx.db.get("imports", id);
  if (batch === null) {
    throw new Error(
      `There is no batch ${id} of an import. Call importDocuments again with the same name.`,
    );
  }
  return batch;
}

/**
 * A failed row that is submitted again counts in its new batch only. Rows are looked up one by one,
 * because any number may have failed.
 */
export async function forgetFailures(
  ctx: MutationCtx,
  collection: string,
  name: string,
  rows: { document: string }[],
) {
  const [any] = await failuresOf(ctx, collection, name, 1);
  if (!any) return;
  const retried = new Map<Id<"imports">, number>();
  for (const document of new Set(rows.map((one) => one.document))) {
    const failures = ctx.db
      .query("importFailures")
      .withIndex("by_import", (q) =>
        q
          .eq("collection", collection)
          .eq("name", name)
          .eq("retried", false)
          .eq("document", document),
      );
    for (const { _id, batch } of await failures.collect()) {
      await ctx.db.patch("importFailures", _id, { retried: true });
      retried.set(batch, (retried.get(batch) ?? 0) + 1);
    }
  }
  for (const [id, count] of retried) {
    const { failed } = await theBatch(ctx, id);
    await ctx.db.patch("imports", id, { failed: failed - count });
  }
}

export function failuresOf(ctx: QueryCtx, collection: string, name: string, most: number) {
  return ctx.db
    .query("importFailures")
    .withIndex("by_import", (q) =>
      q.eq("collection", collection).eq("name", name).eq("retried", false),
    )
    .take(most);
}

export async function noteFailures(
  ctx: MutationCtx,
  { _id: batch, collection, name }: Pick<Doc<"imports">, "_id" | "collection" | "name">,
  failures: Failure[],
  isRow: boolean,
) {
  const ofBatch = { batch, collection, name, isRow, retried: false };
  for (const one of failures) await ctx.db.insert("importFailures", { ...ofBatch, ...one });
}
