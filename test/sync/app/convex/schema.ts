import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { replicatedTable } from "convex-replicate/server";
import { taskFields } from "./fields.js";

export default defineSchema({
  tasks: replicatedTable(taskFields),
  /** At most one row: documents that a push may carry, and when to come back where it has more. */
  limits: defineTable({ documents: v.number(), retryAfterMs: v.optional(v.number()) }),
});
