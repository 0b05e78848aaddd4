import { v } from "convex/values";
import { defineFields, type Row } from "convex-replicate/fields";

/** One field of every kind of value that merges in its own way. */
export const taskFields = defineFields({
  title: v.string(),
  votes: v.number(),
  tags: v.optional(v.array(v.string())),
  details: v.optional(
    v.object({
      notes: v.string(),
      due: v.optional(v.string()),
      place: v.optional(v.object({ city: v.string(), street: v.optional(v.string()) })),
    }),
  ),
  ratings: v.optional(v.record(v.string(), v.number())),
  big: v.optional(v.int64()),
  data: v.optional(v.bytes()),
});

export type Task = Row<typeof taskFields>;
