import { ReplicateError } from "./errors.js";

/** Longest document id, in UTF-16 units. Ids are index keys on the server and keys in local storage. */
export const MAX_ID_LENGTH = 128;

/** Why `id` cannot name a document, or null when it can. */
export function idProblem(id: unknown): ReplicateError | null {
  if (typeof id === "string" && id.length > 0 && id.length <= MAX_ID_LENGTH) return null;
  const got =
    typeof id === "string" ? `one of ${id.length}` : `${id === null ? "null" : typeof id}`;
  return new ReplicateError(
    "INVALID_ID",
    `A document's id is a string of 1 to ${MAX_ID_LENGTH} characters, but got ${got}.`,
  );
}
