import * as Y from "yjs";
import { ReplicateError } from "./errors.js";
import { FIELDS_PART, SERVER_CLIENT_ID } from "./plain-part.js";

/** Largest part, and so the largest update to one, in bytes (S8). */
export const MAX_PART_BYTES = 2 * 1024 * 1024;

/** Most structs in one update of plain fields (S8). */
const MAX_STRUCTS = 50_000;

/** One write of a plain field, as an update carries it. */
export type FieldWrite = { id: Y.ID; value: unknown };

/**
 * The writes in an update to plain fields from a client, or an error: bytes from clients are
 * hostile (S3). `Y.decodeUpdate` comes first because it rejects in microseconds what would make
 * `Y.applyUpdate` allocate hundreds of megabytes (reference: engines §2.4).
 *
 * @throws {ReplicateError} `INVALID_UPDATE`
 */
export function decodeFieldWrites(update: Uint8Array): FieldWrite[] {
  if (update.byteLength > MAX_PART_BYTES) {
    throw invalid(
      `it is ${update.byteLength} bytes, more than the ${MAX_PART_BYTES} of a whole part`,
    );
  }
  const { structs } = decode(update);
  // No client sends such an update, but V2 bytes often read as one: accepting it would lose them.
  if (structs.length === 0) throw invalid("it writes nothing");
  if (structs.length > MAX_STRUCTS) throw invalid(`it holds ${structs.length} changes`);
  return structs.map((struct) => {
    if (struct.id.client === SERVER_CLIENT_ID) throw invalid("it speaks in the server's name");
    if (!(struct instanceof Y.Item)) throw invalid("it holds something other than field writes");
    // An item that follows another one inherits its place; any other names its place itself.
    const placed = struct.origin === null && struct.rightOrigin === null;
    if (placed && (struct.parent !== (FIELDS_PART as unknown) || struct.parentSub === null)) {
      throw invalid("it writes outside the document's fields");
    }
    return { id: struct.id, value: contentOf(struct) };
  });
}

function decode(update: Uint8Array) {
  try {
    return Y.decodeUpdate(update);
  } catch (error) {
    throw invalid("it cannot be decoded as a Yjs update in V1 encoding", error);
  }
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
