import { getConvexSize, v, type GenericValidator, type Value, type VObject } from "convex/values";
import { ReplicateError } from "./errors.js";
import type { Fields } from "./fields.js";
import { MAX_ARRAY_ELEMENTS, MAX_NESTING, MAX_OBJECT_KEYS, MAX_ROW_BYTES } from "./limits.js";
import { misfitError, misfitOf } from "./misfit.js";
import type { RowFields } from "./operations.js";
import { isPlainObject, sameValue } from "./values.js";

/**
 * A function that accepts the rows that the table's validator accepts, and says why it refuses. Given
 * the row as it was `before` a change, it asks only of what the change touches whether it fits: a row
 * from before a field became required can still be edited.
 */
export type RowCheck = (row: RowFields, before?: RowFields) => ReplicateError | null;

export function rowCheck(fields: Fields): RowCheck {
  const validator: VObject<unknown, Fields> = v.object(fields);
  return (row, before) => {
    const touched = before ? touchedBy(validator, before, row) : { validator, value: row };
    const misfit = touched && misfitOf(touched.validator, touched.value);
    if (misfit) return misfitError(misfit);
    const size = getConvexSize(row);
    if (size > MAX_ROW_BYTES) {
      return new ReplicateError(
        "ROW_TOO_LARGE",
        `The row is ${size} bytes, but may have at most ${MAX_ROW_BYTES}.`,
      );
    }
    if (nests(row, MAX_NESTING)) {
      return new ReplicateError(
        "INVALID_VALUE",
        `The row cannot be stored: a value in it nests deeper than ${MAX_NESTING} levels, of which the row is the first.`,
      );
    }
    const crowded = crowdedValue(row);
    if (crowded === null) return null;
    return new ReplicateError("ROW_TOO_LARGE", `The row cannot be stored: ${crowded}.`);
  };
}

/** Whether `value` has more than so many levels of arrays and objects. */
function nests(value: Value, levels: number): boolean {
  const isArray = Array.isArray(value);
  if (!isArray && !isPlainObject(value)) return false;
  if (levels === 0) return true;
  const items = isArray ? value : (Object.values(value) as Value[]);
  return items.some((item) => nests(item, levels - 1));
}

/** What in `value` has more elements or keys than Convex stores, or null. */
function crowdedValue(value: Value): string | null {
  if (Array.isArray(value)) {
    return value.length > MAX_ARRAY_ELEMENTS
      ? `an array has ${value.length} elements, more than ${MAX_ARRAY_ELEMENTS}`
      : firstCrowded(value);
  }
  if (!isPlainObject(value)) return null;
  const items = Object.values(value);
  return items.length > MAX_OBJECT_KEYS
    ? `an object has ${items.length} keys, more than ${MAX_OBJECT_KEYS}`
    : firstCrowded(items as Value[]);
}

function firstCrowded(values: readonly Value[]): string | null {
  for (const value of values) {
    const crowded = crowdedValue(value);
    if (crowded) return crowded;
  }
  return null;
}

type Touched = { validator: GenericValidator; value: Value | undefined };

/** What of a value differs from what it was, with a validator of just that; null when nothing does. */
function touchedBy(
  validator: GenericValidator,
  before: Value | undefined,
  after: Value | undefined,
): Touched | null {
  if (sameValue(before, after)) return null;
  const childOf = childrenOf(validator);
  if (!childOf || !isPlainObject(before) || !isPlainObject(after)) {
    return { validator, value: after };
  }
  const fields: Fields = {};
  const value: Record<string, Value | undefined> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const isRemoved = after[key] === undefined;
    const child = childOf(key);
    if (!child || (isRemoved && validator.kind === "record")) continue;
    const touched = touchedBy(child, before[key] as Value | undefined, after[key] as Value);
    if (!touched) continue;
    fields[key] = touched.validator as Fields[string];
    value[key] = touched.value;
  }
  return { validator: v.object(fields), value: value as Value };
}

function childrenOf(validator: GenericValidator): ((key: string) => GenericValidator) | null {
  if (validator.kind === "object") {
    const { fields } = validator as VObject<unknown, Fields>;
    return (key) => fields[key]!;
  }
  if (validator.kind !== "record") return null;
  const { value } = validator as unknown as { value: GenericValidator };
  return () => value;
}
