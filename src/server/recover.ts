import { ConvexError } from "convex/values";
import { MAX_RECOVER_DOCUMENTS } from "../shared/limits.js";
import { idProblem } from "../shared/ids.js";
import { stateVectorProblem } from "../shared/state-vector.js";
import type { Held } from "../shared/wire.js";

/** @throws ConvexError `INVALID_RECOVER` */
export function checkRecover(documents: readonly Held[]) {
  if (documents.length > MAX_RECOVER_DOCUMENTS) {
    throw invalid(
      `A recovery takes at most ${MAX_RECOVER_DOCUMENTS} documents, this one has ${documents.length}.`,
    );
  }
  if (new Set(documents.map(({ document }) => document)).size < documents.length) {
    throw invalid("A recovery names each document once.");
  }
  for (const { document, stateVector } of documents) {
    const problem = idProblem(document);
    if (problem) throw invalid(problem.message);
    const why = stateVectorProblem(new Uint8Array(stateVector));
    if (why) throw invalid(`The state vector sent for "${document}" is invalid: ${why}.`);
  }
}

function invalid(message: string) {
  return new ConvexError({ code: "INVALID_RECOVER", message });
}
