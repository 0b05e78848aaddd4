import type { Value } from "convex/values";
import { MAX_ARRAY_ELEMENTS, MAX_NESTING, MAX_OBJECT_KEYS } from "./limits.js";
import { isPlainObject } from "./values.js";

/**
 * What decoding, checking and storing a value costs beside that of a number, which is 1. A key costs
 * more where engines share no shape: one not seen before, or one of many. Measured: bench/fuzz.md.
 */
export const WEIGHT = {
  text: 2,
  bytes: 10,
  container: 3,
  key: 2,
  unsharedKey: 8,
  pathByte: 0.1,
  escape: 0.5,
};
const MAX_SHARED_KEYS = 32;
export const MAX_SHARED_KEY_BYTES = 64;

/** Weighs keys, those that it has met before less. */
export class KeyScales {
  readonly #seen = new Set<string>();

  /** @param key null for one that is too long to be shared. */
  weigh(key: string | null, siblings: number): number {
    const isShared = key !== null && siblings <= MAX_SHARED_KEYS && this.#seen.has(key);
    if (key !== null) this.#seen.add(key);
    return isShared ? WEIGHT.key : WEIGHT.unsharedKey;
  }
}

/** What is found by walking a row once. */
export type Measures = {
  weight: number;
  /** Whether a value nests deeper than Convex stores; what is below that is not weighed. */
  tooDeep: boolean;
  /** What has more elements or keys than Convex stores, or null. */
  crowded: string | null;
};

export function measure(row: Value): Measures {
  const measures: Measures = { weight: 0, tooDeep: false, crowded: null };
  measureInto(measures, row, new KeyScales(), 1);
  return measures;
}

/** @param level Of the value, if it is an array or object. */
function measureInto(measures: Measures, value: Value, keys: KeyScales, level: number) {
  measures.weight += 1;
  if (typeof value === "string") measures.weight += WEIGHT.text;
  else if (value instanceof ArrayBuffer) measures.weight += WEIGHT.bytes;
  else if (Array.isArray(value)) measureArray(measures, value, keys, level);
  else if (isPlainObject(value)) measureObject(measures, value, keys, level);
}

function measureArray(measures: Measures, items: Value[], keys: KeyScales, level: number) {
  if (level > MAX_NESTING) return void (measures.tooDeep = true);
  measures.weight += WEIGHT.container;
  if (items.length > MAX_ARRAY_ELEMENTS) {
    measures.crowded ??= `an array has ${items.length} elements, more than ${MAX_ARRAY_ELEMENTS}`;
  }
  for (const item of items) measureInto(measures, item, keys, level + 1);
}

function measureObject(
  measures: Measures,
  object: Record<string, unknown>,
  keys: KeyScales,
  level: number,
) {
  if (level > MAX_NESTING) return void (measures.tooDeep = true);
  measures.weight += WEIGHT.container;
  const names = Object.keys(object);
  if (names.length > MAX_OBJECT_KEYS) {
    measures.crowded ??= `an object has ${names.length} keys, more than ${MAX_OBJECT_KEYS}`;
  }
  for (const name of names) {
    const key = name.length > MAX_SHARED_KEY_BYTES ? null : name; // keys are ASCII (D4)
    measures.weight += keys.weigh(key, names.length);
    measureInto(measures, object[name] as Value, keys, level + 1);
  }
}
