import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

/**
 * The log: the only truth about a document (DESIGN §3-4). Every entry carries the commit timestamp
 * of the mutation that wrote it, so no write reads a counter and pushes to different documents
 * never conflict (S1).
 */
export default defineSchema({
  updates: defineTable({
    /** The app's table that the document belongs to. */
    collection: v.string(),
    /** What is synced and authorised as one. `""` while a collection has a single scope. */
    scope: v.string(),
    document: v.string(),
    /** One Y.Doc of the document; `fields` holds the plain fields (D1, D2). */
    part: v.string(),
    /** Place among the rows of one mutation for one part, from 0; large entries take several. */
    chunk: v.number(),
    /** Whether the entry ends with this row. */
    last: v.boolean(),
    /** Which life of the document this belongs to: 1 for the first, one more after each removal. */
    generation: v.number(),
    kind: v.union(v.literal("update"), v.literal("tombstone")),
    ts: v.commitTs(),
    /** Bytes of this slice, whether inline or in `payloads`. */
    size: v.number(),
    /** A Yjs update in V1 encoding; for a tombstone the state vector of the life it ended. */
    bytes: v.union(v.bytes(), v.null()),
    /** Where large bytes are, so that scans of the log stay cheap (S1: hot log, cold bytes). */
    payload: v.union(v.id("payloads"), v.null()),
  })
    .index("by_position", ["collection", "scope", "ts", "document", "part", "chunk"])
    .index("by_document", ["collection", "document", "part", "ts", "chunk"]),

  payloads: defineTable({ bytes: v.bytes() }),
});
