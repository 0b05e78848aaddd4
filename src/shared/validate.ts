import { getConvexSize, v, type VObject } from "convex/values";
import { validate, ValidationError } from "convex-helpers/validators";
import { ReplicateError } from "./errors.js";
import type { Fields } from "./fields.js";
import type { RowFields } from "./operations.js";

/** Convex stores at most 1 MiB a document; the rest is room for our columns and private ones. */
export const MAX_ROW_BYTES = 1024 * 1024 - 16 * 1024;

/** A function that accepts the rows that the table's validator accepts, and says why it refuses. */
export type RowCheck = (row: RowFields) => ReplicateError | null;

export function rowCheck(fields: Fields): RowCheck {
  const validator: VObject<unknown, Fields> = v.object(fields);
  return (row) => {
    try {
      validate(validator, row, { throw: true });
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      const at = error.path === undefined ? "the row" : `\`${error.path}\``;
      return new ReplicateError(
        "INVALID_ROW",
        `The row does not fit its fields: ${at} should be ${error.expected}, but is ${error.got}.`,
      );
    }
    const size = getConvexSize(row);
    if (size <= MAX_ROW_BYTES) return null;
    return new ReplicateError(
      "ROW_TOO_LARGE",
      `The row is ${size} bytes; a Convex document holds ${MAX_ROW_BYTES} with its system columns.`,
    );
  };
}
