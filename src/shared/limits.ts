/** Convex stores at most 1 MiB a document; the rest is room for our columns and private ones. In bytes. */
export const MAX_ROW_BYTES = 1024 * 1024 - 16 * 1024;

/**
 * What the values of a row may weigh (S8), as those of an update do: twice as much as one may bring, so
 * 1 MiB of numbers or of text fits. An edit of such a row costs the server at most 0.35 s of processor
 * time, of the second that Convex gives it. Measured: bench/fuzz.md.
 */
export const MAX_ROW_WEIGHT = 240_000;

/** Of one value in a row. Source: Convex's limits page. */
export const MAX_ARRAY_ELEMENTS = 8_192;
export const MAX_OBJECT_KEYS = 1_024;
export const MAX_NESTING = 16;

/** Longest document id, in UTF-16 units. Ids are index keys on the server and keys in local storage. */
export const MAX_ID_LENGTH = 128;

/** Largest part, and so the largest update to one, in bytes and in structs of the CRDT (S8). */
export const MAX_PART_BYTES = 2 * 1024 * 1024;
export const MAX_PART_STRUCTS = 50_000;

/**
 * What one update to plain fields may hold (S3). Honest ones write each path once, and an object or a
 * record has at most 1,024. A value weighs what it costs to decode, check and store it: a number,
 * boolean or null 1, a text 3, an array 4, an object 4 and 2 to 8 for each key, bytes 11. A row full of
 * numbers passes.
 */
export const MAX_UPDATE_WRITES = 2_048;
export const MAX_UPDATE_WEIGHT = 120_000;

/**
 * Client ids that one update may use. Honest updates use one, whatever they contain. A document has
 * room for only so many, and a stranger must not fill it up by the handful (S3).
 */
export const MAX_UPDATE_CLIENT_IDS = 1;

/** Longest path of a field, in bytes. */
export const MAX_PATH_BYTES = 4_096;

/** Documents in one push. One mutation reads and writes a handful of rows for each. */
export const MAX_PUSH_DOCUMENTS = 200;

/** Bytes of updates in one push; far below Convex's 16 MiB so that hooks have room to read. */
export const MAX_PUSH_BYTES = 2 * 1024 * 1024;

/** A client's live tail starts afresh once its result holds this many entries, or bytes (C7). */
export const TAIL_ENTRIES = 32;
export const TAIL_BYTES = 32 * 1024;

/**
 * A larger update arrives without its bytes where a client may have most of it: as the snapshot that
 * compaction has made of what it knows, or as its own. Asking for the difference takes one more round
 * trip, as long as some 32 KiB take at 5 Mbit/s. Not less than `INLINE_BYTES`, so that the
 * bytes of a stub are cold ones that a page need not read (S1).
 */
export const STUB_BYTES = 32 * 1024;

/** Documents that one `recover` asks for, at most; the server answers as many as it can read at once. */
export const MAX_RECOVER_DOCUMENTS = 32;

/** Largest Yjs state vector: 5,000 client ids with their clocks have at most 80 KB. */
export const MAX_STATE_VECTOR_BYTES = 128 * 1024;

/**
 * Yjs client ids bound to one user, or to a device on which nobody has signed in (S3). A page of an
 * honest device uses one, and another for each document that had a change refused. One push brings at
 * most one for each document.
 */
export const MAX_CLIENT_IDS_PER_OWNER = 100_000;

/** Each stays in the document's state vector for ever, as some 10 bytes. */
export const MAX_CLIENT_IDS_PER_DOCUMENT = 5_000;

/** Pages of one device that a push tells the server about, newest first (C6). */
export const MAX_PAGE_IDS = 16;

/**
 * Paths that one generation of a document may ever have, those of removed keys included: what the CRDT has
 * heard of, it keeps (S8). A removal and a new insert start from nothing.
 */
export const MAX_LIFETIME_KEYS = 16_384;
