import { v } from "convex/values";
import { defineFields } from "convex-replicate/fields";

/** Fields that everybody writes, fields of one writer each, and fields that come and go. */
export const taskFields = defineFields({
  title: v.string(),
  details: v.optional(
    v.object({
      notes: v.string(),
      place: v.optional(v.object({ city: v.string() })),
    }),
  ),
  /** One key for each write that was ever made, so that the oracle can find each again. */
  marks: v.record(v.string(), v.number()),
});
