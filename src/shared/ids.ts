import { ReplicateError } from "./errors.js";
import { MAX_ID_LENGTH } from "./limits.js";

// Half a pair is no Unicode text: a server's JSON parser refuses the whole message it is in.
const HALF_PAIR = /\p{Surrogate}/u;

/**
 * Why `id` cannot name a document, or null when it can.
 *
 * @param what Begins the message, where it names something else.
 */
export function idProblem(id: unknown, what = "A document's id"): ReplicateError | null {
  const fits = typeof id === "string" && id.length > 0 && id.length <= MAX_ID_LENGTH;
  if (fits && !HALF_PAIR.test(id)) return null;
  const got = fits
    ? "one with half a surrogate pair"
    : typeof id === "string"
      ? `one of ${id.length}`
      : `${id === null ? "null" : typeof id}`;
  return new ReplicateError(
    "INVALID_ID",
    `${what} is a string of 1 to ${MAX_ID_LENGTH} characters, but got ${got}.`,
  );
}
