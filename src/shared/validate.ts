import { getConvexSize, v, type Value, type VObject } from "convex/values";
import { ReplicateError } from "./errors.js";
import type { Fields } from "./fields.js";
import { MAX_ARRAY_ELEMENTS, MAX_NESTING, MAX_OBJECT_KEYS, MAX_ROW_BYTES } from "./limits.js";
import { misfitError, misfitOf } from "./misfit.js";
import type { RowFields } from "./operations.js";
import { isPlainObject } from "./values.js";

/** A function that accepts the rows that the table's validator accepts, and says why it refuses. */
export type RowCheck = (row: RowFields) => ReplicateError | null;

export function rowCheck(fields: Fields): RowCheck {
  const validator: VObject<unknown, Fields> = v.object(fields);
  return (row) => {
    const misfit = misfitOf(validator, row);
    if (misfit) return misfitError(misfit);
    const size = getConvexSize(row);
    if (size > MAX_ROW_BYTES) {
      return new ReplicateError(
        "ROW_TOO_LARGE",
        `The row is ${size} bytes, and a replicated row may have ${MAX_ROW_BYTES}.`,
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
