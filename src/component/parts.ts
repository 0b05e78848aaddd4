import type { QueryCtx } from "./_generated/server.js";

/** The part of a document that follows another one, or the first; null after the last. */
export async function nextPart(
  ctx: QueryCtx,
  table: "updates" | "history",
  { collection, document, part }: { collection: string; document: string; part: string | null },
): Promise<string | null> {
  const row = await ctx.db
    .query(table)
    .withIndex("by_document", (q) => {
      const all = q.eq("collection", collection).eq("document", document);
      return part === null ? all : all.gt("part", part);
    })
    .first();
  return row?.part ?? null;
}
