import { ConvexError, v } from "convex/values";
import { mutationGeneric, queryGeneric } from "convex/server";
import { Replicate } from "convex-replicate/server";
import { components } from "./_generated/api.js";
import { taskFields } from "./fields.js";

const tasks = new Replicate(components.replicate, "tasks", {
  fields: taskFields,
  // Compacted as often as can be, so that every test here is one of compaction, too.
  compaction: { entries: 1, bytes: 1, minAgeMs: 0 },
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
