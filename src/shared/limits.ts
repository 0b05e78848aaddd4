/** Documents in one push. One mutation reads and writes a handful of rows for each. */
export const MAX_PUSH_DOCUMENTS = 200;

/** Bytes of updates in one push; far below Convex's 16 MiB so that hooks have room to read. */
export const MAX_PUSH_BYTES = 2 * 1024 * 1024;

/** A client's live tail starts afresh once its result holds this many entries, or bytes (C7). */
export const TAIL_ENTRIES = 32;
export const TAIL_BYTES = 32 * 1024;

/**
 * Yjs client ids (S3). An honest update speaks under one, and a page of an honest device uses one for
 * everything but documents of which a change was refused.
 */
export const MAX_PUSH_CLIENT_IDS = 400;
export const MAX_NEW_CLIENT_IDS_PER_PUSH = MAX_PUSH_DOCUMENTS;
export const MAX_CLIENT_IDS_PER_OWNER = 100_000;

/** Each stays in the document's state vector for ever, as some 10 bytes. */
export const MAX_CLIENT_IDS_PER_DOCUMENT = 5_000;

/** Pages of one device that a push tells the server about, newest first (C6). */
export const MAX_LINES = 16;

/**
 * Paths that one life of a document may ever have, those of removed keys included: what the CRDT has
 * heard of, it keeps (S8). A removal and a new insert start from nothing.
 */
export const MAX_LIFETIME_KEYS = 20_000;
