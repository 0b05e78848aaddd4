import { ByteReader, Malformed } from "./byte-reader.js";
import {
  MAX_PATH_BYTES,
  MAX_UPDATE_CLIENT_IDS,
  MAX_UPDATE_WEIGHT,
  MAX_UPDATE_WRITES,
} from "./limits.js";
import type { Path } from "./paths.js";
import { FIELDS_PART, SERVER_CLIENT_ID } from "./plain-part.js";
import { KeyScales, MAX_SHARED_KEY_BYTES, WEIGHT } from "./weight.js";

/** Deepest nesting that is looked at; Convex stores 16 levels, so the value check can still say so. */
const MAX_DEPTH = 32;

/** Parts of a struct's first byte in V1 encoding. Source: yjs, `src/utils/updates.js`. */
const CONTENT = 0b0001_1111;
const HAS_KEY = 0b0010_0000;
const HAS_RIGHT = 0b0100_0000;
const HAS_LEFT = 0b1000_0000;

/** The contents that plain fields have: bytes, and JSON with numbers of all kinds. */
const BINARY = 3;
const ANY = 8;

/** Thrown when there is nothing wrong with an update but that it is too much. */
export class TooMuch extends Error {}

export type WriteId = { client: number; clock: number };

/** One write of a plain field: its id, and its place: the path that it is the first write of, or the id of the write that it replaces. */
export type FieldWrite = { id: WriteId; at: Path | WriteId };

/**
 * Scans an update (V1) before it is decoded, and makes sure that its content is bounded and consists of
 * field writes only (S3).
 *
 * @returns its writes, and where its deletions begin.
 * @throws {Malformed | TooMuch} saying what is wrong with it.
 */
export function scanUpdate(bytes: Uint8Array): { writes: FieldWrite[]; end: number } {
  const reader = new ByteReader(bytes);
  const clients = reader.uint();
  if (clients > MAX_UPDATE_CLIENT_IDS) throw new Malformed(`it uses ${clients} client ids`);
  const budget = { weight: MAX_UPDATE_WEIGHT, keys: new KeyScales() };
  const writes: FieldWrite[] = [];
  for (let n = 0; n < clients; n++) {
    const structs = reader.uint();
    if (structs > reader.left) throw new Malformed("it ends too early");
    if (writes.length + structs > MAX_UPDATE_WRITES) {
      const changes = writes.length + structs;
      throw new TooMuch(`it holds ${changes} changes, more than ${MAX_UPDATE_WRITES}`);
    }
    const client = reader.uint();
    if (client === SERVER_CLIENT_ID) throw new Malformed("it uses the server's client id");
    const first = reader.uint();
    if (first + structs > Number.MAX_SAFE_INTEGER) throw new Malformed("its clocks run away");
    for (let struct = 0; struct < structs; struct++) {
      const id = { client, clock: first + struct };
      writes.push({ id, at: scanWrite(reader, { client, clock: first }, budget) });
    }
  }
  // No client sends such an update, but V2 bytes often read as one: accepting it would lose them.
  if (writes.length === 0) throw new Malformed("it writes nothing");
  const end = reader.at;
  scanDeletions(reader);
  return { writes, end };
}

type Budget = { weight: number; keys: KeyScales };

/** @param first The first write under the same client id. */
function scanWrite(reader: ByteReader, first: WriteId, budget: Budget): Path | WriteId {
  const info = reader.byte();
  const content = info & CONTENT;
  if (content !== BINARY && content !== ANY) {
    throw new Malformed("it holds something other than field writes");
  }
  // Setting a key puts a write after the one it replaces, and before none.
  if (info & HAS_RIGHT) throw new Malformed("it puts a write before another");
  // One that follows another inherits its place; any other names its place itself.
  const at = info & HAS_LEFT ? scanReplaced(reader, first) : scanPath(reader, info, budget);
  if (content === BINARY) {
    spend(budget, WEIGHT.bytes);
    reader.skipSized();
  } else {
    if (reader.uint() !== 1) throw new Malformed("it holds a type that plain fields cannot have");
    scanValue(reader, budget, 0);
  }
  return at;
}

/**
 * Honest updates write each path once. Yjs takes for granted that nobody builds on what they say
 * later, and breaks where someone does.
 */
function scanReplaced(reader: ByteReader, first: WriteId): WriteId {
  const client = reader.uint();
  const clock = reader.uint();
  if (client === first.client && clock >= first.clock) {
    throw new Malformed("it builds on what it says itself");
  }
  return { client, clock };
}

function scanPath(reader: ByteReader, info: number, budget: Budget): Path {
  const isRoot = reader.uint() === 1;
  if (!isRoot || reader.shortText(FIELDS_PART.length) !== FIELDS_PART || !(info & HAS_KEY)) {
    throw new Malformed("it writes outside the document's fields");
  }
  const path = reader.shortText(MAX_PATH_BYTES);
  if (path === null) throw new Malformed("a path is too long");
  if (NOT_ASCII.test(path)) throw new Malformed("a path is not ASCII"); // as all keys are (D4)
  spend(budget, path.length * WEIGHT.pathByte + (path.split("~").length - 1) * WEIGHT.escape);
  return path;
}

function spend(budget: Budget, weight: number) {
  budget.weight -= weight;
  if (budget.weight < 0) throw new TooMuch("it holds more values than can be taken at once");
}

/** One value in lib0's `any` encoding. Source: lib0, `decoding.js`, `readAny`. */
function scanValue(reader: ByteReader, budget: Budget, depth: number) {
  if (depth > MAX_DEPTH) throw new Malformed("a value nests too deep");
  spend(budget, 1);
  const type = reader.byte();
  switch (type) {
    case 127: // undefined
      // It removes a field. Inside a value no honest client writes it, and a hook would see a key of
      // which nothing is stored.
      if (depth > 0) throw new Malformed("a value in it holds an undefined");
      return;
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
      spend(budget, WEIGHT.text);
      return void reader.skipSized();
    case 116: // bytes
      spend(budget, WEIGHT.bytes);
      return void reader.skipSized();
    case 118: // object
      spend(budget, WEIGHT.container);
      for (let keys = reader.uint(), left = keys; left > 0; left--) {
        scanKey(reader, budget, keys);
        scanValue(reader, budget, depth + 1);
      }
      return;
    case 117: // array
      spend(budget, WEIGHT.container);
      for (let left = reader.uint(); left > 0; left--) scanValue(reader, budget, depth + 1);
      return;
    default:
      throw new Malformed("it cannot be decoded as a Yjs update in V1 encoding");
  }
}

function scanKey(reader: ByteReader, budget: Budget, siblings: number) {
  const key = reader.shortText(MAX_SHARED_KEY_BYTES);
  // Decoding would set the object's prototype instead of a key.
  if (key === PROTO) throw new Malformed(`a key is ${PROTO}`);
  spend(budget, budget.keys.weigh(key, siblings));
}

const PROTO = "__proto__";
const NOT_ASCII = /[^\x20-\x7e]/;

function scanDeletions(reader: ByteReader) {
  let ranges = 0;
  for (let clients = reader.uint(); clients > 0; clients--) {
    reader.uint();
    for (let left = reader.uint(); left > 0; left--) {
      reader.uint(); // where a range begins
      reader.uint(); // how long it is
      if (++ranges > MAX_UPDATE_WRITES) throw new Malformed("it deletes too much");
    }
  }
  if (!reader.isAtEnd) throw new Malformed("something follows its end");
}
