import { v } from "convex/values";
import type { QueryCtx } from "./_generated/server.js";
import { mutation, query } from "./_generated/server.js";

/** Whose each client id is, and how many its would-be owner has already. */
export const read = query({
  args: { clientIds: v.array(v.number()), owner: v.string() },
  returns: v.object({
    /** In the order asked for; null where nobody has used the id yet. */
    bindings: v.array(
      v.union(v.object({ owner: v.string(), device: v.string(), pageId: v.string() }), v.null()),
    ),
    /** Ids bound to `owner` so far; only counted when one of those asked for is free. */
    used: v.number(),
  }),
  handler: async (ctx, { clientIds, owner }) => {
    const found = await Promise.all(clientIds.map((clientId) => bindingOf(ctx, clientId)));
    const bindings = found.map((one) => {
      return one && { owner: one.owner, device: one.device, pageId: one.pageId };
    });
    return { bindings, used: found.includes(null) ? await usedBy(ctx, owner) : 0 };
  },
});

/** Binds client ids, or takes over those of one's own that are bound already (S3). */
export const bind = mutation({
  args: {
    clientIds: v.array(v.number()),
    owner: v.string(),
    device: v.string(),
    pageId: v.string(),
  },
  returns: v.null(),
  handler: async (ctx, { clientIds, owner, device, pageId }) => {
    let used: number | null = null;
    for (const clientId of clientIds) {
      const existing = await bindingOf(ctx, clientId);
      if (existing?.owner === owner) {
        await ctx.db.patch("clientIds", existing._id, { pageId });
        continue;
      }
      used = (used ?? (await usedBy(ctx, owner))) + 1;
      const binding = { clientId, owner, device, pageId, number: used };
      if (existing) await ctx.db.replace("clientIds", existing._id, binding);
      else await ctx.db.insert("clientIds", binding);
    }
    return null;
  },
});

function bindingOf(ctx: QueryCtx, clientId: number) {
  return ctx.db
    .query("clientIds")
    .withIndex("by_client_id", (q) => q.eq("clientId", clientId))
    .unique();
}

async function usedBy(ctx: QueryCtx, owner: string): Promise<number> {
  const newest = await ctx.db
    .query("clientIds")
    .withIndex("by_owner", (q) => q.eq("owner", owner))
    .order("desc")
    .first();
  return newest?.number ?? 0;
}
