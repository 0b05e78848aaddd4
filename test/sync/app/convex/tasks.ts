import { ConvexError, v } from "convex/values";
import { mutationGeneric, queryGeneric } from "convex/server";
import { Replicate } from "convex-replicate/server";
import { components } from "./_generated/api.js";
import { taskFields } from "./fields.js";

type PushLimit = { documents: number; retryAfterMs?: number };

const tasks = new Replicate(components.replicate, "tasks", {
  fields: taskFields,
  // Compacted as often as can be, so that every test here is one of compaction, too.
  compaction: { entries: 1, bytes: 1, minAgeMs: 0 },
  async rateLimit(ctx, { documents }) {
    const limit = (await ctx.db.query("limits").first()) as PushLimit | null;
    if (limit === null || documents <= limit.documents) return;
    throw new ConvexError({ message: "Too much at once.", retryAfterMs: limit.retryAfterMs ?? 0 });
  },
  evalWrite(_ctx, { next }) {
    if (next?.title.startsWith("forbidden")) {
      throw new ConvexError({ code: "FORBIDDEN_TITLE", message: "That title is taken." });
    }
  },
  onInsert(_ctx, { next }) {
    if (next.title.startsWith("broken")) throw new Error("A hook of the app has a bug.");
  },
});

export const { stream, material, recover, insert, update, remove, push, protocol } =
  tasks.functions();

/** The app's own table, as the app's own queries see it. */
export const table = queryGeneric({
  args: {},
  handler: async (ctx) => {
    const rows = await ctx.db.query("tasks").withIndex("by_doc_id").collect();
    return rows.map(({ _id, _creationTime, ...row }) => row);
  },
});

/** What an app's own function, or its dashboard, may do to a row. */
export const editDirectly = mutationGeneric({
  args: { id: v.string(), title: v.string() },
  handler: async (ctx, { id, title }) => {
    const row = await ctx.db
      .query("tasks")
      .withIndex("by_doc_id", (q) => q.eq("id", id))
      .unique();
    await ctx.db.patch(row!._id, { title });
  },
});

/** From now on pushes carry at most so many documents. */
export const limitPushes = mutationGeneric({
  args: { documents: v.number(), retryAfterMs: v.optional(v.number()) },
  handler: async (ctx, limit) => {
    for (const { _id } of await ctx.db.query("limits").collect()) await ctx.db.delete(_id);
    await ctx.db.insert("limits", limit);
  },
});

/** What happens by itself half a year after a removal. */
export const prune = mutationGeneric({
  args: {},
  handler: async (ctx) => {
    const { maintenance } = components.replicate;
    const pruning = { everyHours: 1, retentionDays: 1e-9 };
    await ctx.runMutation(maintenance.configure, { pruning });
    await ctx.runMutation(maintenance.run, { sweep: "pruning" });
  },
});

/** What an operator does who has restored a backup. */
export const restored = mutationGeneric({
  args: {},
  handler: (ctx) => ctx.runMutation(components.replicate.maintenance.afterRestore, {}),
});
