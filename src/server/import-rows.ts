import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import { idProblem } from "../shared/ids.js";
import { MAX_ID_LENGTH } from "../shared/limits.js";
import { encodeOperations, flatten, unflatten } from "../shared/operations.js";
import { fromCrdtValue, isPlainObject } from "../shared/values.js";

/** Rows, and bytes of them, that go in with one transaction: as much as one push has at most. */
const MAX_ROWS = 200;
const MAX_BYTES = 512 * 1024;

/** Longest message that is kept, in characters. */
const MAX_MESSAGE = 300;

/** A row whose fields are valid, as text: `encodeOperations` of its flat form. */
export type ImportRow = { document: string; values: string };
export type RowFailure = { document: string; code: string; message: string };
type Batch = { rows: ImportRow[]; failures: RowFailure[] };

/**
 * Rows in batches, each valid or with what is wrong with it. The same rows in the same order always
 * come to the same batches.
 */
export function batchesOf(fields: CompiledFields, rows: readonly unknown[]): Batch[] {
  const seen = new Set<string>();
  const batches: Batch[] = [];
  let bytes = 0;
  for (const [index, given] of rows.entries()) {
    const row = checkedRow(fields, given, index, seen);
    const size = "values" in row ? row.values.length : 0;
    let batch = batches.at(-1);
    const full = batch && batch.rows.length + batch.failures.length >= MAX_ROWS;
    if (!batch || full || (bytes > 0 && bytes + size > MAX_BYTES)) {
      batches.push((batch = { rows: [], failures: [] }));
      bytes = 0;
    }
    bytes += size;
    if ("values" in row) batch.rows.push(row);
    else batch.failures.push(row);
  }
  return batches;
}

function checkedRow(
  fields: CompiledFields,
  row: unknown,
  index: number,
  seen: Set<string>,
): ImportRow | RowFailure {
  const id = isPlainObject(row) ? row["id"] : undefined;
  const badId = idProblem(id);
  if (badId) {
    const message = `The row at index ${index} has no valid id. ${badId.message}`;
    // Apps do not get to see this name. It tells such rows of one call apart; those of other calls under
    // the same name share it, and count once.
    return { document: `row ${index}`, code: badId.code, message };
  }
  const document = id as string;
  try {
    if (seen.has(document)) {
      throw new ReplicateError("INVALID_ROW", "Another row of the same call has this id.");
    }
    seen.add(document);
    const flat = flatten(row as object, fields.tree);
    const problem = fields.check(unflatten(flat, fields.tree)!);
    if (problem) throw problem;
    // Sorted keys: whatever order a source gives them in, the same row is the same text.
    const values = [...flat].map(([path, value]) => [path, fromCrdtValue(value)] as const);
    values.sort(([a], [b]) => (a < b ? -1 : 1));
    return { document, values: encodeOperations(new Map(values)) };
  } catch (error) {
    return failureOf(document, error);
  }
}

export function failureOf(document: string, error: unknown): RowFailure {
  const code = error instanceof ReplicateError ? error.code : "INVALID_ROW";
  return {
    document: document.slice(0, MAX_ID_LENGTH),
    code,
    message: shortMessage(error instanceof Error ? error.message : String(error)),
  };
}

/** JSON parsers refuse one, and with it all that it is in. */
const HALF_CHARACTER = /\p{Surrogate}$/u;

export function shortMessage(message: string): string {
  return message.length <= MAX_MESSAGE
    ? message
    : `${message.slice(0, MAX_MESSAGE).replace(HALF_CHARACTER, "")}…`;
}
