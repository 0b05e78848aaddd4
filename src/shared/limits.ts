/** Documents in one push. One mutation reads and writes a handful of rows for each. */
export const MAX_PUSH_DOCUMENTS = 200;

/** Bytes of updates in one push; far below Convex's 16 MiB so that hooks have room to read. */
export const MAX_PUSH_BYTES = 2 * 1024 * 1024;

/** A client's live tail starts afresh once its result holds this many entries, or bytes (C7). */
export const TAIL_ENTRIES = 32;
export const TAIL_BYTES = 32 * 1024;
