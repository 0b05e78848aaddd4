import { v } from "convex/values";
import { defineFields, type Row } from "convex-replicate/fields";

/** What a task is: the one definition that the schema, the server functions and the client share. */
export const taskFields = defineFields({
  title: v.string(),
  status: v.union(v.literal("todo"), v.literal("doing"), v.literal("done")),
  priority: v.union(
    v.literal("none"),
    v.literal("low"),
    v.literal("medium"),
    v.literal("high"),
    v.literal("urgent"),
  ),
  votes: v.number(),
  labels: v.array(v.string()),
  /** Order within a column, smallest first. */
  position: v.number(),
  /** An object merges field by field: one person can edit the notes while another assigns the task. */
  details: v.object({
    notes: v.string(),
    assignee: v.optional(v.string()),
    /** A calendar day, `YYYY-MM-DD`. */
    due: v.optional(v.string()),
  }),
  /** Milliseconds since 1970. */
  createdAt: v.number(),
});

export type Task = Row<typeof taskFields>;
export type Status = Task["status"];
export type Priority = Task["priority"];
