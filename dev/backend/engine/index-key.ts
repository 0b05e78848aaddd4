import { CommitTsPlaceholder, type Value } from "convex/values";

/**
 * Index keys as strings of bytes (one UTF-16 unit each) whose plain `<` is Convex's order of values.
 * Every encoded value starts with a tag and none is the prefix of another, so a row's key is just
 * its fields' encodings one after the other, and a range is a pair of strings.
 */
export type IndexKey = string;

/** Greater than every tag: `prefix + AFTER` is the end of all keys that start with `prefix`. */
const AFTER = "\xff";
/** Smaller than every tag: ends strings, bytes, arrays and objects. */
const END = "\x00";
const ESCAPE = "\x01";

const TAG = {
  undefined: "\x01",
  null: "\x02",
  int64: "\x03",
  float64: "\x04",
  boolean: "\x05",
  string: "\x06",
  bytes: "\x07",
  array: "\x08",
  object: "\x09",
} as const;

/** Strings in which no byte has to be escaped or encoded. */
// eslint-disable-next-line no-control-regex -- bytes, not text.
const PLAIN = /^[\x02-\x7f]*$/;
const MAX_INT64 = 2n ** 63n - 1n;

const view = new DataView(new ArrayBuffer(8));

export function encodeKey(fields: readonly (Value | undefined)[]): IndexKey {
  let key = "";
  for (const field of fields) key += encodeValue(field);
  return key;
}

/** The least string above every key that starts with `prefix`. */
export function endOfPrefix(prefix: IndexKey): IndexKey {
  return prefix + AFTER;
}

/** The least string above `key` itself. */
export function justAfter(key: IndexKey): IndexKey {
  return key + END;
}

function encodeValue(value: Value | undefined): string {
  if (value === undefined) return TAG.undefined;
  if (value === null) return TAG.null;
  if (typeof value === "bigint") return encodeInt64(value);
  if (typeof value === "number") return encodeFloat64(value);
  if (typeof value === "boolean") return TAG.boolean + (value ? "\x01" : "\x00");
  if (typeof value === "string") return TAG.string + encodeText(value) + END;
  // It sorts after everything that has committed.
  if (value instanceof CommitTsPlaceholder) return encodeInt64(MAX_INT64);
  if (value instanceof ArrayBuffer) {
    return TAG.bytes + escape(Buffer.from(value).toString("latin1")) + END;
  }
  if (Array.isArray(value)) return TAG.array + encodeKey(value) + END;
  return TAG.object + encodeFields(value) + END;
}

function encodeInt64(value: bigint): string {
  view.setBigUint64(0, BigInt.asUintN(64, value) ^ (1n << 63n));
  return TAG.int64 + bytesOfView();
}

/** IEEE 754's total order: negative numbers are turned over, positive ones moved above them. */
function encodeFloat64(value: number): string {
  view.setFloat64(0, value);
  const high = view.getInt32(0);
  const low = view.getInt32(4);
  view.setInt32(0, high < 0 ? ~high : high ^ 0x80000000);
  view.setInt32(4, high < 0 ? ~low : low);
  return TAG.float64 + bytesOfView();
}

function bytesOfView(): string {
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  return String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}

function encodeText(text: string): string {
  return PLAIN.test(text) ? text : escape(Buffer.from(text, "utf8").toString("latin1"));
}

/** Keeps 0 free for `END`, without changing the order. */
function escape(bytes: string): string {
  // eslint-disable-next-line no-control-regex -- bytes, not text.
  return bytes.replace(/[\x00\x01]/g, (byte) => (byte === ESCAPE ? "\x01\x02" : "\x01\x01"));
}

function encodeFields(object: Record<string, Value | undefined>): string {
  return Object.keys(object)
    .sort()
    .map((name) => TAG.string + encodeText(name) + END + encodeValue(object[name]))
    .join("");
}
