import { ConvexError, v } from "convex/values";
import { Replicate } from "convex-replicate/server";
import { components } from "./_generated/api.js";
import { query, type QueryCtx } from "./_generated/server.js";
import { taskFields, type Status } from "./fields.js";

/** Characters. The app does not check it on purpose: a longer title shows the server refusing a change. */
const MAX_TITLE_LENGTH = 120;

/** Rows read for each number of `counts`, so that the query stays cheap however many tasks there are. */
const COUNT_LIMIT = 1_000;

const tasks = new Replicate(components.replicate, "tasks", {
  fields: taskFields,
  evalWrite: async (_ctx, { next }) => {
    if (next && next.title.length > MAX_TITLE_LENGTH) {
      throw new ConvexError({
        code: "TITLE_TOO_LONG",
        message: `A title can have ${MAX_TITLE_LENGTH} characters; this one has ${next.title.length}.`,
      });
    }
  },
});

export const { stream, material, recover, insert, update, remove, push, protocol } =
  tasks.functions();

/** A query like any other: tasks are ordinary rows of an ordinary table. Each number stops at `limit`. */
export const counts = query({
  args: {},
  returns: v.object({ todo: v.number(), doing: v.number(), done: v.number(), limit: v.number() }),
  handler: async (ctx) => ({
    todo: await countOf(ctx, "todo"),
    doing: await countOf(ctx, "doing"),
    done: await countOf(ctx, "done"),
    limit: COUNT_LIMIT,
  }),
});

async function countOf(ctx: QueryCtx, status: Status) {
  const rows = await ctx.db
    .query("tasks")
    .withIndex("by_status", (q) => q.eq("status", status))
    .take(COUNT_LIMIT);
  return rows.length;
}
