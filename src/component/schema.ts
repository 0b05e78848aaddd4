import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { totals } from "./totals.js";

/** What goes through the log by itself, and how often. */
export const sweepName = v.union(v.literal("compaction"), v.literal("pruning"));

/** What a sweep has done so far. */
export const sweepReport = {
  /** In ms since the epoch; `finishedAt` is null while it runs. */
  startedAt: v.number(),
  finishedAt: v.union(v.number(), v.null()),
  /** Documents, entries and bytes that the run has compacted or pruned. */
  documents: v.number(),
  entries: v.number(),
  bytes: v.number(),
  /** Documents that this could not be done to, and what happened to the last one. */
  failures: v.number(),
  lastFailure: v.union(v.string(), v.null()),
};

/** What a count of a collection's log has come to so far. */
export const countReport = {
  /** In ms since the epoch; `finishedAt` is null while it runs. */
  startedAt: v.number(),
  finishedAt: v.union(v.number(), v.null()),
  /** Whether the statistics are set to what was counted. */
  mends: v.boolean(),
  /** Log rows that were looked at. */
  rows: v.number(),
  /** By scope, what was counted less what the statistics had said. Empty when they were right. */
  drifts: v.array(v.object({ scope: v.string(), ...totals.fields })),
  /** Why it stopped early. */
  failure: v.union(v.string(), v.null()),
};

export const sweepSettings = {
  compaction: v.union(v.literal("off"), v.object({ everyHours: v.number() })),
  /** Removals older than `retentionDays` are forgotten (S6). */
  pruning: v.union(
    v.literal("off"),
    v.object({ everyHours: v.number(), retentionDays: v.number() }),
  ),
};
/** What an import does with a document that exists, or existed once. */
export const existingRule = v.union(v.literal("keep"), v.literal("replace"));

/** A row that an import could not take over, and why. */
export const importFailure = { document: v.string(), code: v.string(), message: v.string() };

/** A row of the log. */
const logRow = {
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
  /** Which generation of the document this belongs to: 1 for the first, one more after each removal. */
  generation: v.number(),
  kind: v.union(v.literal("update"), v.literal("tombstone")),
  ts: v.commitTs(),
  /** Bytes of this slice, whether inline or in `payloads`. */
  size: v.number(),
  /** A Yjs update in V1 encoding; for a tombstone the state vector of the generation it ended. */
  bytes: v.union(v.bytes(), v.null()),
  /** Where large bytes are, so that scans of the log stay cheap (S1: hot log, cold bytes). */
  payload: v.union(v.id("payloads"), v.null()),
  /** Whether it moves to `history` where it would be deleted: the option of whoever wrote it. */
  keep: v.optional(v.boolean()),
  /**
   * Of a snapshot: null if what it replaced is gone. Otherwise that is in `history`, and this is how much
   * of it follows the newest snapshot there, to be read when a version is rebuilt.
   */
  replaces: v.optional(v.union(v.null(), v.object({ entries: v.number(), bytes: v.number() }))),
};

/**
 * The log: the only truth about a document. Every entry carries the commit timestamp
 * of the mutation that wrote it, so no write reads a counter and pushes to different documents
 * never conflict (S1).
 */
export default defineSchema({
  updates: defineTable(logRow)
    .index("by_position", ["collection", "scope", "ts", "document", "part", "chunk"])
    .index("by_document", ["collection", "document", "part", "ts", "chunk"])
    /** The same order, to get at one generation past any number of others. */
    .index("by_generation", ["collection", "document", "part", "generation", "ts", "chunk"])
    /** What sweeps have not looked at yet. */
    .index("by_kind", ["kind", "ts"]),

  payloads: defineTable({ bytes: v.bytes() }),

  /** What the log no longer needs, but old versions of documents do. No client reads it. */
  history: defineTable(logRow).index("by_document", [
    "collection",
    "document",
    "part",
    "ts",
    "chunk",
  ]),

  /** Whose each Yjs client id is: bound at its first use, so that nobody writes as another (S3). */
  clientIds: defineTable({
    clientId: v.number(),
    /** An identity, or a device on which nobody had signed in. */
    owner: v.string(),
    /** Hash of the secret of the device that uses it. */
    device: v.string(),
    /** The page that used it last: one that continues another copy of the same storage may not (C6). */
    pageId: v.string(),
    /** How many the owner had with this one; bounds them without a counter. */
    number: v.number(),
  })
    .index("by_client_id", ["clientId"])
    .index("by_owner", ["owner", "number"]),

  /** The newest removal of each scope that was forgotten; written by pruning, read by streams (S6). */
  horizons: defineTable({ collection: v.string(), scope: v.string(), ts: v.int64() }).index(
    "by_scope",
    ["collection", "scope"],
  ),

  /** The newest generation, of any document, that was forgotten: their numbers never go back. */
  forgotten: defineTable({ collection: v.string(), generation: v.number() }).index(
    "by_collection",
    ["collection"],
  ),

  /** When a backup was last restored; one row, once there was one. */
  restorations: defineTable({ ts: v.commitTs() }),

  /** How often sweeps run, where it differs from what is usual; one row at most. */
  settings: defineTable({
    ...sweepSettings,
    /** What `pruning` was told last, also while it is off: it may be run by hand. */
    retentionDays: v.optional(v.number()),
  }),

  /** What each sweep did last, and where the next one goes on; one row for each. */
  sweeps: defineTable({
    sweep: sweepName,
    /** The last log row that was looked at. */
    ts: v.int64(),
    creationTime: v.number(),
    /** Number of the run; one that another has replaced stops. */
    run: v.number(),
    /** When its newest step was scheduled, in ms: one that is long past and has not ended failed. */
    steppedAt: v.number(),
    /** Log rows to be processed one document at a time, since a step that had them failed as a whole. */
    oneByOne: v.number(),
    /** Documents that this run has failed on, and skips from then on. */
    skipped: v.array(v.string()),
    ...sweepReport,
  }).index("by_sweep", ["sweep"]),

  /** What mutations did to the log that the statistics do not include yet. */
  statisticsDeltas: defineTable({
    collection: v.string(),
    scope: v.string(),
    documents: v.array(v.object({ document: v.string(), ...totals.fields })),
    ts: v.commitTs(),
  }).index("by_ts", ["ts"]),

  statistics: defineTable({
    collection: v.string(),
    scope: v.string(),
    ...totals.fields,
    /** The same of the documents that the running count has passed; null while there is none. */
    counted: v.union(totals, v.null()),
  }).index("by_scope", ["collection", "scope"]),

  /** The last count of each collection. */
  counts: defineTable({
    collection: v.string(),
    /** The last document that it has counted; null before the first. */
    document: v.union(v.string(), v.null()),
    /** Whether the collection was ever counted through: its statistics mean nothing before. */
    complete: v.boolean(),
    ...countReport,
  }).index("by_collection", ["collection"]),

  /** How far the statistics have come; one row. */
  folds: defineTable({
    /** Of all changes up to this commit, there is none that the statistics lack. */
    ts: v.int64(),
    /** Number of the run; one that another has replaced stops. */
    run: v.number(),
  }),

  /**
   * Imports, in batches: each goes in on its own, and stays on record, without its rows, so that it is
   * not imported again.
   */
  imports: defineTable({
    collection: v.string(),
    /** The import that it is a batch of. */
    name: v.string(),
    /** Hash of what the batch holds. */
    key: v.string(),
    existing: existingRule,
    /** Where the rows are, until all of them are done. */
    payloads: v.array(v.id("payloads")),
    /** Rows that are done, those after them that are not, and how many of these go in at once. */
    done: v.number(),
    waiting: v.number(),
    rowsAtOnce: v.number(),
    inserted: v.number(),
    replaced: v.number(),
    kept: v.number(),
    failed: v.number(),
  }).index("by_key", ["collection", "name", "key"]),

  importFailures: defineTable({
    batch: v.id("imports"),
    collection: v.string(),
    name: v.string(),
    /** Whether it is a row of the batch: others were found wrong before they came here. */
    isRow: v.boolean(),
    /** Whether the row was handed in once more since, and so counts in another batch. */
    retried: v.boolean(),
    ...importFailure,
  })
    .index("by_import", ["collection", "name", "retried", "document"])
    .index("by_batch", ["batch"]),

  /** Rows that an import put in the place of others, so that it does not do so again after an edit. */
  importedRows: defineTable({
    collection: v.string(),
    name: v.string(),
    document: v.string(),
    hash: v.string(),
  }).index("by_row", ["collection", "name", "document", "hash"]),
});
