import { ByteReader, Malformed } from "./byte-reader.js";
import { FIELDS_PART, SERVER_CLIENT_ID } from "./plain-part.js";

/** Most writes, and values inside them, in one update: decoded, each takes up to 200 bytes (S8). */
export const MAX_STRUCTS = 50_000;
export const MAX_VALUES = 250_000;

/** Client ids that one update may speak under; honest ones use one. */
export const MAX_UPDATE_CLIENT_IDS = 16;

/** Deepest nesting that is looked at; Convex stores 16 levels, so the value check can still say so. */
const MAX_DEPTH = 32;

/** Longest path of a field, in bytes. */
const MAX_PATH_BYTES = 4_096;

/** Parts of a struct's first byte in V1 encoding. Source: yjs, `src/utils/updates.js`. */
const CONTENT = 0b0001_1111;
const HAS_KEY = 0b0010_0000;
const HAS_RIGHT = 0b0100_0000;
const HAS_LEFT = 0b1000_0000;

/** The contents that plain fields have: bytes, and JSON with numbers of all kinds. */
const BINARY = 3;
const ANY = 8;

/**
 * Looks an update (V1) to plain fields through before anything of it is decoded: what it would
 * decode to is bounded, and made of nothing but field writes (S3).
 *
 * @returns where its deletions begin.
 * @throws {Malformed} saying what is wrong with it.
 */
export function scanUpdate(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  const clients = reader.uint();
  if (clients > MAX_UPDATE_CLIENT_IDS) throw new Malformed(`it speaks under ${clients} client ids`);
  const budget = { values: MAX_VALUES };
  const seen = new Set<number>();
  let total = 0;
  for (let n = 0; n < clients; n++) {
    const structs = reader.uint();
    total += structs;
    if (total > MAX_STRUCTS) throw new Malformed(`it holds ${total} changes`);
    const client = reader.uint();
    // Yjs would apply only the last of them.
    if (seen.has(client)) throw new Malformed("it speaks under one client id twice");
    seen.add(client);
    if (client === SERVER_CLIENT_ID) throw new Malformed("it speaks in the server's name");
    const clock = reader.uint();
    if (clock + structs > Number.MAX_SAFE_INTEGER) throw new Malformed("its clocks run away");
    for (let struct = 0; struct < structs; struct++) {
      scanStruct(reader, { client, clock: clock + struct }, budget);
    }
  }
  // No client sends such an update, but V2 bytes often read as one: accepting it would lose them.
  if (total === 0) throw new Malformed("it writes nothing");
  const end = reader.at;
  scanDeletions(reader);
  return end;
}

type Budget = { values: number };
type Id = { client: number; clock: number };

function scanStruct(reader: ByteReader, own: Id, budget: Budget) {
  const info = reader.byte();
  const content = info & CONTENT;
  if (content !== BINARY && content !== ANY) {
    throw new Malformed("it holds something other than field writes");
  }
  if (info & HAS_LEFT) scanNeighbour(reader, own);
  if (info & HAS_RIGHT) scanNeighbour(reader, own);
  // One that follows another inherits its place; any other names its place itself.
  if (!(info & (HAS_LEFT | HAS_RIGHT))) scanPlace(reader, info);
  if (content === BINARY) return void reader.skipSized();
  if (reader.uint() !== 1) throw new Malformed("it holds a type that plain fields cannot have");
  scanValue(reader, budget, 0);
}

function skipId(reader: ByteReader) {
  reader.uint();
  reader.uint();
}

/** Yjs takes for granted that nobody builds on what they say later, and breaks where someone does. */
function scanNeighbour(reader: ByteReader, own: Id) {
  const client = reader.uint();
  const clock = reader.uint();
  if (client === own.client && clock >= own.clock) {
    throw new Malformed("it builds on what it says later");
  }
}

function scanPlace(reader: ByteReader, info: number) {
  const isRoot = reader.uint() === 1;
  if (!isRoot || reader.shortText(FIELDS_PART.length) !== FIELDS_PART || !(info & HAS_KEY)) {
    throw new Malformed("it writes outside the document's fields");
  }
  if (reader.skipSized() > MAX_PATH_BYTES) throw new Malformed("a path is too long");
}

/** One value in lib0's `any` encoding. Source: lib0, `decoding.js`, `readAny`. */
function scanValue(reader: ByteReader, budget: Budget, depth: number) {
  if (depth > MAX_DEPTH) throw new Malformed("a value nests too deep");
  if (--budget.values < 0) throw new Malformed(`it holds more than ${MAX_VALUES} values`);
  const type = reader.byte();
  switch (type) {
    case 127: // undefined
    case 126: // null
    case 121: // false
    case 120: // true
      return;
    case 125:
      return reader.skipInt();
    case 124: // 32-bit float
      return reader.skip(4);
    case 123: // 64-bit float
    case 122: // bigint
      return reader.skip(8);
    case 119: // text
    case 116: // bytes
      return void reader.skipSized();
    case 118: // object
      for (let left = reader.uint(); left > 0; left--) {
        // Decoding would set the object's prototype instead of a key.
        if (reader.shortText(PROTO.length) === PROTO) throw new Malformed(`a key is ${PROTO}`);
        scanValue(reader, budget, depth + 1);
      }
      return;
    case 117: // array
      for (let left = reader.uint(); left > 0; left--) scanValue(reader, budget, depth + 1);
      return;
    default:
      throw new Malformed("it cannot be decoded as a Yjs update in V1 encoding");
  }
}

const PROTO = "__proto__";

function scanDeletions(reader: ByteReader) {
  let ranges = 0;
  for (let clients = reader.uint(); clients > 0; clients--) {
    reader.uint();
    for (let left = reader.uint(); left > 0; left--) {
      skipId(reader); // where a range begins and how long it is
      if (++ranges > MAX_STRUCTS) throw new Malformed("it deletes too much");
    }
  }
  if (!reader.isAtEnd) throw new Malformed("something follows its end");
}
