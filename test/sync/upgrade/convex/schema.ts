import { defineSchema } from "convex/server";
import { v } from "convex/values";
import { replicatedTable } from "convex-replicate/server";

/** As wide as it has to be while versions change. */
export default defineSchema({
  tasks: replicatedTable({
    title: v.string(),
    owner: v.optional(v.string()),
    note: v.optional(v.string()),
    priority: v.optional(v.number()),
  }),
});
