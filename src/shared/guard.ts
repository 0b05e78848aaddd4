import * as Y from "yjs";
import { Malformed } from "./byte-reader.js";
import { ReplicateError } from "./errors.js";
import { scanUpdate } from "./scan.js";

/** Largest part, and so the largest update to one, in bytes (S8). */
export const MAX_PART_BYTES = 2 * 1024 * 1024;

/** One write of a plain field, as an update carries it. */
export type FieldWrite = { id: Y.ID; value: unknown };

/** What a client may say to plain fields: writes, and the bytes that say them and nothing else. */
export type FieldUpdate = { writes: FieldWrite[]; update: Uint8Array };

/**
 * The writes in an update to plain fields from a client, or an error: bytes from clients are
 * hostile (S3). They are scanned before anything is decoded, because a few of them may promise, and
 * two megabytes of them hold, what takes a hundred times the memory. Deletions are left out: setting
 * a key implies those of honest clients, and nothing else may delete.
 *
 * @throws {ReplicateError} `INVALID_UPDATE`
 */
export function decodeFieldUpdate(bytes: Uint8Array): FieldUpdate {
  if (bytes.byteLength > MAX_PART_BYTES) {
    throw invalid(
      `it is ${bytes.byteLength} bytes, more than the ${MAX_PART_BYTES} of a whole part`,
    );
  }
  try {
    const update = withoutDeletions(bytes, scanUpdate(bytes));
    return { update, writes: Y.decodeUpdate(update).structs.map(writeOf) };
  } catch (error) {
    if (error instanceof ReplicateError) throw error;
    const why = error instanceof Malformed ? error.message : "it is no Yjs update in V1 encoding";
    throw invalid(why, error);
  }
}

/** @param end Where the deletions begin. */
function withoutDeletions(bytes: Uint8Array, end: number): Uint8Array {
  const update = bytes.slice(0, end + 1);
  update[end] = 0; // no client deletes anything
  return update;
}

function writeOf(struct: Y.Item | Y.GC | Y.Skip): FieldWrite {
  if (struct instanceof Y.Item) return { id: struct.id, value: contentOf(struct) };
  throw invalid("it holds something other than field writes");
}

function contentOf(item: Y.Item): unknown {
  const { content } = item;
  if (item.length === 1 && content instanceof Y.ContentAny) return content.arr[0];
  if (content instanceof Y.ContentBinary) return content.content;
  throw invalid("it holds a type that plain fields cannot have");
}

function invalid(why: string, cause?: unknown): ReplicateError {
  return new ReplicateError("INVALID_UPDATE", `The update was refused: ${why}.`, { cause });
}
