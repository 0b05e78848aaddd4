import { mutationGeneric, queryGeneric } from "convex/server";

export const rows = queryGeneric({
  args: {},
  handler: async (ctx) => {
    const rows = await ctx.db.query("tasks").withIndex("by_doc_id").collect();
    return rows.map(({ _id, _creationTime, version: _, timestamp: __, ...row }) => row);
  },
});

/** How Convex fills a new field in, before it is required. */
export const backfill = mutationGeneric({
  args: {},
  handler: async (ctx) => {
    for (const { _id } of await ctx.db.query("tasks").collect()) {
      await ctx.db.patch(_id, { priority: 1 });
    }
  },
});
