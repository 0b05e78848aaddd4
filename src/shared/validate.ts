import { getConvexSize, v, type GenericValidator, type Value, type VObject } from "convex/values";
import { ReplicateError } from "./errors.js";
import type { Fields } from "./fields.js";
import { MAX_NESTING, MAX_ROW_BYTES, MAX_ROW_WEIGHT } from "./limits.js";
import { misfitError, misfitOf } from "./misfit.js";
import type { RowFields } from "./operations.js";
import { isPlainObject, sameValue } from "./values.js";
import { measure } from "./weight.js";

/**
 * A function that accepts the rows that the table's validator accepts, and says why it refuses. Given
 * the row as it was `before` a change, it asks only of what the change touches whether it fits, unless
 * it is to ask of the `"whole"` row: one from before a field became required can still be edited. So can
 * one that weighs too much, as long as the change does not make it heavier.
 */
export type RowCheck = (
  row: RowFields,
  before?: RowFields | null,
  asked?: "touched" | "whole",
) => ReplicateError | null;

export function rowCheck(fields: Fields): RowCheck {
  const validator: VObject<unknown, Fields> = v.object(fields);
  return (row, before, asked = "touched") => {
    const touched =
      before && asked === "touched" ? touchedBy(validator, before, row) : { validator, value: row };
    const misfit = touched && misfitOf(touched.validator, touched.value);
    return misfit ? misfitError(misfit) : sizeProblem(row, before);
  };
}

function sizeProblem(row: RowFields, before?: RowFields | null): ReplicateError | null {
  const size = getConvexSize(row);
  if (size > MAX_ROW_BYTES) {
    return tooLarge(`is ${size} bytes, but may have at most ${MAX_ROW_BYTES}`);
  }
  const { weight, tooDeep, crowded } = measure(row);
  if (tooDeep) {
    return new ReplicateError(
      "INVALID_VALUE",
      `The row cannot be stored: a value in it nests deeper than ${MAX_NESTING} levels, of which the row is the first.`,
    );
  }
  if (crowded) return tooLarge(`cannot be stored: ${crowded}`);
  if (weight <= MAX_ROW_WEIGHT || (before && weight <= measure(before).weight)) return null;
  return tooLarge(
    `holds too many values: they weigh ${Math.ceil(weight)}, and those of a replicated row may weigh ${MAX_ROW_WEIGHT} (a number 1, a text 3, an array or object 4 and more for its keys). Spread it over several documents`,
  );
}

const tooLarge = (what: string) => new ReplicateError("ROW_TOO_LARGE", `The row ${what}.`);

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
