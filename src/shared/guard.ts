import { Malformed } from "./byte-reader.js";
import { ReplicateError } from "./errors.js";
import { MAX_PART_BYTES } from "./limits.js";
import { scanUpdate, TooMuch, type FieldWrite } from "./scan.js";

/** The field writes of an update, and its bytes without anything else. */
export type FieldUpdate = { writes: FieldWrite[]; update: Uint8Array };

/**
 * The writes in an update to plain fields from a client, or an error: bytes from clients are
 * hostile (S3). They are scanned without being decoded, because a few bytes can claim, and two
 * megabytes can really contain, what takes a hundred times as much memory once decoded. Deletions are
 * left out: setting a key implies those of honest clients, and nothing else may delete.
 *
 * @throws {ReplicateError} `INVALID_UPDATE`, `UPDATE_TOO_LARGE`
 */
export function readFieldUpdate(bytes: Uint8Array): FieldUpdate {
  if (bytes.byteLength > MAX_PART_BYTES) {
    throw tooLarge(`it is ${bytes.byteLength} bytes, more than ${MAX_PART_BYTES}`);
  }
  try {
    const { writes, end } = scanUpdate(bytes);
    return { writes, update: withoutDeletions(bytes, end) };
  } catch (error) {
    if (error instanceof TooMuch) throw tooLarge(error.message);
    if (error instanceof Malformed) throw invalidUpdate(error.message, error);
    throw error;
  }
}

/** @param end Where the deletions begin. */
function withoutDeletions(bytes: Uint8Array, end: number): Uint8Array {
  const update = bytes.slice(0, end + 1);
  update[end] = 0; // no client deletes anything
  return update;
}

export function invalidUpdate(why: string, cause?: unknown): ReplicateError {
  return new ReplicateError("INVALID_UPDATE", `The update was refused: ${why}.`, { cause });
}

function tooLarge(why: string): ReplicateError {
  return new ReplicateError(
    "UPDATE_TOO_LARGE",
    `The update was refused: ${why}. Make the change in several steps, or spread it over several documents.`,
  );
}
