import { ByteReader, Malformed } from "./byte-reader.js";
import { MAX_STATE_VECTOR_BYTES } from "./limits.js";

/** The state vector of who has nothing. */
export const EMPTY_STATE_VECTOR = Uint8Array.of(0);

/** Why bytes from a client are no state vector that can safely be decoded, or null when they are one (S3). */
export function stateVectorProblem(bytes: Uint8Array): string | null {
  if (bytes.byteLength > MAX_STATE_VECTOR_BYTES) {
    return `it is ${bytes.byteLength} bytes, more than ${MAX_STATE_VECTOR_BYTES}`;
  }
  const reader = new ByteReader(bytes);
  try {
    for (let left = reader.uint(); left > 0; left--) {
      reader.uint(); // a client id
      reader.uint(); // and how much of what it said is known
    }
    return reader.isAtEnd ? null : "something follows its end";
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}
