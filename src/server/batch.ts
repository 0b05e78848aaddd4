import { ConvexError } from "convex/values";
import { MAX_PUSH_BYTES, MAX_PUSH_DOCUMENTS } from "../shared/limits.js";
import type { Change } from "../shared/wire.js";

/** @throws ConvexError `INVALID_PUSH` */
export function checkBatch(changes: Change[]) {
  const bytes = bytesOf(changes);
  const problem =
    changes.length > MAX_PUSH_DOCUMENTS
      ? `A push takes at most ${MAX_PUSH_DOCUMENTS} documents, this one has ${changes.length}.`
      : bytes > MAX_PUSH_BYTES && changes.length > 1
        ? `A push takes at most ${MAX_PUSH_BYTES} bytes, this one has ${bytes}. Send fewer documents at once.`
        : new Set(changes.map((change) => change.document)).size < changes.length
          ? "A push takes one change per document. Send the second one after the first was answered."
          : null;
  if (problem) throw invalidPush(problem);
}

/** Bytes of the updates in a push. */
export function bytesOf(changes: readonly Change[]): number {
  return changes
    .flatMap((change) => change.parts)
    .reduce((total, { update }) => total + update.byteLength, 0);
}

export function invalidPush(message: string) {
  return new ConvexError({ code: "INVALID_PUSH", message });
}
