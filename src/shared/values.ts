import type { Value } from "convex/values";
import { ReplicateError } from "./errors.js";
import { MAX_NESTING } from "./limits.js";

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

// Convex's rule for object keys: non-empty printable ASCII that starts with neither `$` nor `_`.
const KEY = /^(?![$_])[\x20-\x7e]+$/;

/** Whether Convex accepts `key` as the key of an object or record (D4). */
export function isConvexKey(key: string): boolean {
  return KEY.test(key);
}

/**
 * A fresh plain copy of `value`, or an error that names what Convex cannot store (D4). Properties
 * that are `undefined` are left out, as Convex does.
 *
 * @param where The value's place in the row, for the message, e.g. `details.due`.
 * @throws {ReplicateError} `INVALID_VALUE`
 */
export function toConvexValue(value: unknown, where: string): Value {
  try {
    return copyOf(value, 1);
  } catch (error) {
    if (!(error instanceof Unstorable)) throw error;
    throw new ReplicateError(
      "INVALID_VALUE",
      `The value of \`${where}${error.inside}\` cannot be stored: ${error.message}.`,
    );
  }
}

/** What Convex cannot store; its place is told on the way out, so that what it can costs nothing. */
class Unstorable extends Error {
  inside = "";

  at(place: string): this {
    this.inside = place + this.inside;
    return this;
  }
}

function copyOf(value: unknown, depth: number): Value {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "bigint":
      if (value < MIN_INT64 || value > MAX_INT64) {
        throw new Unstorable(`${value} does not fit in 64 bits`);
      }
      return value;
    case "object":
      break;
    default:
      throw new Unstorable(
        `Convex cannot store ${value === undefined ? "undefined here" : `a ${typeof value}`}`,
      );
  }
  if (value === null) return null;
  if (depth > MAX_NESTING) throw new Unstorable(`Convex nests at most ${MAX_NESTING} levels deep`);
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (Array.isArray(value)) return copyOfArray(value, depth);
  if (isPlainObject(value)) return copyOfObject(value, depth);
  throw new Unstorable(adviceFor(value));
}

function copyOfArray(value: readonly unknown[], depth: number): Value[] {
  const copy: Value[] = [];
  try {
    // Not `map`, which skips the holes of a sparse array.
    for (const item of value) copy.push(copyOf(item, depth + 1));
  } catch (error) {
    throw error instanceof Unstorable ? error.at(`[${copy.length}]`) : error;
  }
  return copy;
}

function copyOfObject(value: Record<string, unknown>, depth: number): Record<string, Value> {
  const copy: Record<string, Value> = {};
  let at = "";
  try {
    for (const [key, item] of Object.entries(value)) {
      at = "";
      if (!isConvexKey(key)) throw new Unstorable(keyAdvice(key));
      // Yjs tells the kinds of a map's values apart by `value.constructor`.
      if (depth === 1 && key === "constructor") {
        throw new Unstorable("an object that is one value cannot have a key `constructor`");
      }
      at = `.${key}`;
      if (item !== undefined) copy[key] = copyOf(item, depth + 1);
    }
  } catch (error) {
    throw error instanceof Unstorable ? error.at(at) : error;
  }
  return copy;
}

/** Whether two Convex values are the same value, -0 not being 0; absent equals only absent. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && sameArray(a, b);
  if (a instanceof ArrayBuffer) {
    return b instanceof ArrayBuffer && sameBytes(new Uint8Array(a), new Uint8Array(b));
  }
  return isPlainObject(a) && isPlainObject(b) && sameObject(a, b);
}

function sameArray(a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (!sameValue(a[n], b[n])) return false;
  return true;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}

function sameObject(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key] as Value, b[key] as Value));
}

/** Yjs stores bytes as `Uint8Array`, Convex as `ArrayBuffer`; all other values are the same. */
export function toCrdtValue(value: Value): unknown {
  if (value instanceof ArrayBuffer) return crdtBytes(value);
  if (Array.isArray(value)) return value.map(toCrdtValue);
  return isPlainObject(value) ? mapObject(value, (item) => toCrdtValue(item as Value)) : value;
}

/**
 * Yjs tells bytes by their `constructor`. In the environment that Convex prescribes for tests, Vitest's
 * edge-runtime, that of new ones is another realm's, and Yjs would not know them.
 */
function crdtBytes(value: ArrayBuffer): Uint8Array {
  const bytes = new Uint8Array(value);
  if (bytes.constructor !== Uint8Array) {
    Object.defineProperty(bytes, "constructor", { value: Uint8Array });
  }
  return bytes;
}

/** The inverse of {@link toCrdtValue}, with sorted keys so that every replica renders alike (D4). */
export function fromCrdtValue(value: unknown): Value {
  if (value instanceof Uint8Array) return toArrayBuffer(value);
  if (Array.isArray(value)) return value.map(fromCrdtValue);
  return isPlainObject(value) ? mapObject(value, fromCrdtValue) : (value as Value);
}

/** The exact bytes of `bytes` as the `ArrayBuffer` that Convex wants. */
export function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The name check admits plain objects of another realm, e.g. of a `vm` context in tests.
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (prototype as { constructor?: { name?: string } }).constructor?.name === "Object"
  );
}

function mapObject<T>(
  object: Record<string, unknown>,
  map: (item: unknown) => T,
): Record<string, T> {
  const result: Record<string, T> = {};
  for (const key of Object.keys(object).sort()) {
    // A hostile update may carry it; the caller's key check refuses it by name.
    if (key === "__proto__") defineProto(result, map(object[key]));
    else result[key] = map(object[key]);
  }
  return result;
}

function defineProto(object: object, value: unknown) {
  Object.defineProperty(object, "__proto__", {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

export function keyAdvice(key: string): string {
  return `the key ${JSON.stringify(key)} is not one Convex accepts (printable ASCII, not empty, not starting with $ or _)`;
}

function adviceFor(value: object): string {
  if (value instanceof Date) return "a Date is not a Convex value, store its getTime()";
  if (ArrayBuffer.isView(value)) {
    return "bytes must be an ArrayBuffer, pass array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength)";
  }
  if (value instanceof Map || value instanceof Set) {
    return `a ${value.constructor.name} is not a Convex value, store a plain object or an array`;
  }
  return `an instance of ${value.constructor?.name || "a class"} is not a Convex value, store a plain object`;
}
