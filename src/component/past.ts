import { v } from "convex/values";
import { query, type MutationCtx, type QueryCtx } from "./_generated/server.js";

// What is kept about removals after pruning, and about restored backups. Pushes never write it, nor
// read it in a way that conflicts with pruning (S1).

type Scope = { collection: string; scope: string };

/**
 * What decides whether a client can still be brought up to date (S6): the newest removal of the scope
 * that was forgotten, 0 when none was, and which database this is.
 */
export async function pastOf(ctx: QueryCtx, args: Scope) {
  const horizon = await horizonOf(ctx, args);
  const restoration = await ctx.db.query("restorations").first();
  return { horizon: horizon?.ts ?? 0n, epoch: restoration ? `${restoration.ts as bigint}` : "" };
}

/** Notes that a removal is forgotten from now on, in the transaction that deletes it. */
export async function forget(
  ctx: MutationCtx,
  { collection, scope, ts, generation }: Scope & { ts: bigint; generation: number },
) {
  const horizon = await horizonOf(ctx, { collection, scope });
  if (!horizon) await ctx.db.insert("horizons", { collection, scope, ts });
  else if (horizon.ts < ts) await ctx.db.patch("horizons", horizon._id, { ts });
  const newest = await forgottenOf(ctx, collection);
  if (!newest) await ctx.db.insert("forgotten", { collection, generation });
  else if (newest.generation < generation) {
    await ctx.db.patch("forgotten", newest._id, { generation });
  }
}

/**
 * The newest generation of any document that was forgotten, 0 when none was. A document without a log
 * may have had generations up to this number, so its next one gets a higher number: a client that
 * remembers the end of an earlier generation would ignore it.
 */
export const newestForgotten = query({
  args: { collection: v.string() },
  returns: v.number(),
  handler: async (ctx, { collection }) => (await forgottenOf(ctx, collection))?.generation ?? 0,
});

/** From now on it is another database; see `maintenance.afterRestore`. */
export async function startEpoch(ctx: MutationCtx) {
  const last = await ctx.db.query("restorations").first();
  const ts = ctx.db.vars.commitTs;
  if (last) await ctx.db.patch("restorations", last._id, { ts });
  else await ctx.db.insert("restorations", { ts });
}

function horizonOf(ctx: QueryCtx, { collection, scope }: Scope) {
  return ctx.db
    .query("horizons")
    .withIndex("by_scope", (q) => q.eq("collection", collection).eq("scope", scope))
    .unique();
}

function forgottenOf(ctx: QueryCtx, collection: string) {
  return ctx.db
    .query("forgotten")
    .withIndex("by_collection", (q) => q.eq("collection", collection))
    .unique();
}
