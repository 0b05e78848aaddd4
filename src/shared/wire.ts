import { v, type Infer } from "convex/values";

/**
 * What client and server say to each other. Bytes are Yjs updates in V1 encoding: decoding V2 from
 * an untrusted peer can hang (S3).
 */

/** One document's local changes. */
export const changeValidator = v.object({
  document: v.string(),
  /** The generation of the document that the change was made in; for an insert, the one it would start. */
  generation: v.number(),
  op: v.union(v.literal("insert"), v.literal("update"), v.literal("remove")),
  /** Empty for a removal. */
  parts: v.array(v.object({ part: v.string(), update: v.bytes() })),
});
export type Change = Infer<typeof changeValidator>;

/** Where a push comes from: a device, a page, and who is signed in. */
export const senderValidator = v.object({
  /** 128 random bits in hexadecimal, made once per local store: whoever knows them is that device. */
  secret: v.string(),
  /**
   * One random mark for each page that has sent from this store, newest first. Two copies of a store
   * share those from before they parted, and only those: so the server can tell them apart (C6).
   */
  pageIds: v.array(v.string()),
  /** Whose changes these are, as the server's own `protocol` answer named them; null when nobody's. */
  identity: v.union(v.string(), v.null()),
});
export type Sender = Infer<typeof senderValidator>;

/** The answer for one document (S4). */
export const resultValidator = v.union(
  v.object({
    status: v.literal("accepted"),
    /** The generation the change went into, which for an insert may be later than the one asked. */
    generation: v.number(),
    /** Commit timestamp (ns), or null when the server had the change already. */
    ts: v.union(v.commitTs(), v.null()),
  }),
  v.object({
    status: v.literal("removed"),
    /** The newest generation that has ended. */
    generation: v.number(),
  }),
  v.object({
    status: v.literal("rejected"),
    code: v.string(),
    message: v.string(),
    /** With `MISSING_DEPENDENCIES`: what the server has, so that the rest can be sent to it. */
    stateVector: v.optional(v.bytes()),
  }),
);
export type Result = Infer<typeof resultValidator>;

export const pushResultValidator = v.array(
  v.object({ document: v.string(), result: resultValidator }),
);
export type PushResult = Infer<typeof pushResultValidator>;

/** One entry of the log, as a client sees it. */
export const streamEntryValidator = v.object({
  document: v.string(),
  part: v.string(),
  generation: v.number(),
  kind: v.union(v.literal("update"), v.literal("tombstone")),
  /** Null for a large entry that a client has to `recover`, because it may have most of it (C7). */
  bytes: v.union(v.bytes(), v.null()),
  /**
   * On a first load the document's row as it is now, beside its last entry of the page, so that a
   * client needs no CRDT work (C8). Left out when a page of rows would be too large.
   */
  row: v.optional(v.any()),
});
export type StreamEntry = Infer<typeof streamEntryValidator>;

/**
 * Why what a client has cannot be brought up to date, so that it has to load everything again (S6):
 * removals that it has not received were `pruned`, or the database was `restored` from a backup, which
 * may know less than the client.
 */
const resetValidator = v.union(v.literal("pruned"), v.literal("restored"));
export type ResetReason = Infer<typeof resetValidator>;
/** An entry of which nothing is missing; of a tombstone no client needs the bytes. */
export type WholeEntry = StreamEntry & ({ kind: "tombstone" } | { bytes: ArrayBuffer });

export const streamPageValidator = v.object({
  entries: v.array(streamEntryValidator),
  /** Where to go on from; opaque. */
  cursor: v.union(v.string(), v.null()),
  /** Whether the page reaches the end of the log. */
  done: v.boolean(),
  /** How far into the log's time span the page reaches, 0 to 1. */
  progress: v.number(),
  /** If set, the page is otherwise empty, and the client loads again without a cursor. */
  reset: v.union(resetValidator, v.null()),
  /** Whom the page was made for, as in `protocol`: it must not reach anyone else's local data. */
  identity: v.union(v.string(), v.null()),
});
export type StreamPage = Infer<typeof streamPageValidator>;

/** What a client has of a document's part: the generation of it that it knows, and how much of that. */
export const heldValidator = v.object({
  document: v.string(),
  /** 0 when it has nothing, or nothing that it can use. */
  generation: v.number(),
  /** A Yjs state vector; says nothing of any other generation. */
  stateVector: v.bytes(),
});
export type Held = Infer<typeof heldValidator>;

/** What a client lacks of one document: the answer to its `Held`. */
export const recoveredValidator = v.object({
  document: v.string(),
  /** The newest generation, live or ended; 0 when the log knows none. */
  generation: v.number(),
  live: v.boolean(),
  /** Added to what the client has of this generation it makes up the whole; null unless live. */
  update: v.union(v.bytes(), v.null()),
});
export type Recovered = Infer<typeof recoveredValidator>;

export const recoveryValidator = v.object({
  /** The first ones of those asked for, at least one: as many as could be read at once. */
  documents: v.array(recoveredValidator),
  /** Whom it was made for, as in a page. */
  identity: v.union(v.string(), v.null()),
});
export type Recovery = Infer<typeof recoveryValidator>;

export const protocolValidator = v.object({
  version: v.number(),
  fields: v.string(),
  /** A stable, opaque name of who is signed in; null when nobody is. */
  identity: v.union(v.string(), v.null()),
});
export type Protocol = Infer<typeof protocolValidator>;
