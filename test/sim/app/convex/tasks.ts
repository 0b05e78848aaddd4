import {
  mutationGeneric,
  queryGeneric,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
} from "convex/server";
import { ConvexError, v } from "convex/values";
import type { Row } from "convex-replicate/fields";
import { Replicate, type RowChange } from "convex-replicate/server";
import { components } from "./_generated/api.js";
import { taskFields } from "./fields.js";

type Task = Row<typeof taskFields>;
type Moods = { strict: boolean; buggy: boolean };

const tasks = new Replicate(components.replicate, "tasks", {
  fields: taskFields,
  // Often, so that most schedules are of compaction, too.
  compaction: { entries: 3, bytes: 1_000, minAgeMs: 0 },
  async evalWrite(ctx, { next }) {
    if (next?.title.startsWith("forbidden")) {
      throw new ConvexError({ code: "FORBIDDEN", message: "Never." });
    }
    if (next?.title.startsWith("guarded") && (await moods(ctx))?.strict) {
      throw new ConvexError({ code: "NOT_NOW", message: "Not now." });
    }
  },
  onInsert: note,
  onUpdate: note,
  onRemove: note,
});

export const { stream, material, recover, insert, update, remove, push, protocol } =
  tasks.functions();

async function note(
  ctx: GenericMutationCtx<GenericDataModel>,
  change: RowChange<typeof taskFields>,
) {
  const { op, id, prev, next } = change;
  if (next?.title.startsWith("vetoed")) throw new ConvexError("The whole push is refused.");
  if (next?.title.startsWith("fragile") && (await moods(ctx))?.buggy) {
    throw new Error("A hook of the app has a bug.");
  }
  const marks = Object.keys(next?.marks ?? {}).filter((key) => prev?.marks[key] === undefined);
  await ctx.db.insert("effects", { document: id, kind: op, title: next?.title ?? "", marks });
}

async function moods(ctx: GenericQueryCtx<GenericDataModel>): Promise<Moods | null> {
  return (await ctx.db.query("moods").first()) as Moods | null;
}

export const setMoods = mutationGeneric({
  args: { strict: v.boolean(), buggy: v.boolean() },
  handler: async (ctx, next) => {
    const current = await ctx.db.query("moods").first();
    if (current) await ctx.db.replace(current._id, next);
    else await ctx.db.insert("moods", next);
  },
});

/** What the oracle compares with: the table as the app sees it, and what made it so. */
export const truth = queryGeneric({
  args: {},
  handler: async (ctx) => ({
    rows: (await ctx.db.query("tasks").withIndex("by_doc_id").collect()).map(
      ({ _id, _creationTime, version, timestamp, ...row }) => row as unknown as Task,
    ),
    effects: (await ctx.db.query("effects").collect()).map(
      ({ _id, _creationTime, ...effect }) => effect,
    ),
  }),
});

/** What an app's own function, or its dashboard, may do to a row; null takes it away. */
export const editDirectly = mutationGeneric({
  args: { id: v.string(), title: v.union(v.string(), v.null()) },
  handler: async (ctx, { id, title }) => {
    const row = await ctx.db
      .query("tasks")
      .withIndex("by_doc_id", (q) => q.eq("id", id))
      .unique();
    if (title === null) {
      if (!row) return;
      await ctx.db.delete(row._id);
      await ctx.db.insert("effects", {
        document: id,
        kind: "remove",
        title: "directly",
        marks: [],
      });
    } else if (row) {
      await ctx.db.patch(row._id, { title });
    } else {
      const fields = { id, title, marks: {}, version: 1, timestamp: Date.now() };
      await ctx.db.insert("tasks", fields);
    }
  },
});

/** Forgets every removal that is older than what is sent again, or late, may be. */
export const prune = mutationGeneric({
  args: {},
  handler: async (ctx) => {
    const { maintenance } = components.replicate;
    const pruning = { everyHours: 1, retentionDays: 2 / (24 * 60) };
    await ctx.runMutation(maintenance.configure, { pruning });
    await ctx.runMutation(maintenance.run, { sweep: "pruning" });
  },
});
