import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { replicatedTable } from "convex-replicate/server";
import { taskFields } from "./fields.js";

export default defineSchema({
  tasks: replicatedTable(taskFields),

  /** What every accepted change did, in the order of commits. */
  effects: defineTable({
    document: v.string(),
    kind: v.union(v.literal("insert"), v.literal("update"), v.literal("remove")),
    title: v.string(),
    /** Keys of `marks` that this change brought. */
    marks: v.array(v.string()),
  }),

  /** What the app's hooks do at the moment; one row at most. */
  moods: defineTable({
    /** Refuse what is guarded, which at other times is accepted. */
    strict: v.boolean(),
    /** Break on what is fragile. */
    buggy: v.boolean(),
  }),
});
