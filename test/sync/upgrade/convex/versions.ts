import { v } from "convex/values";
import { defineFields } from "convex-replicate/fields";

/** What a table's fields are in the first version of an app, and may be in the next one. */
export const first = defineFields({ title: v.string(), owner: v.string() });

export const withoutOwner = defineFields({ title: v.string() });

export const withNote = defineFields({ ...first, note: v.optional(v.string()) });

export const withPriority = defineFields({ ...first, priority: v.number() });
