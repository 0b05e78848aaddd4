import { ReplicateError } from "../shared/errors.js";
import { readFieldUpdate, type FieldUpdate } from "../shared/guard.js";
import { idProblem } from "../shared/ids.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import type { Change } from "../shared/wire.js";

/** A change whose shape and bytes are valid; what it says is still to be judged. */
export type Incoming =
  | ({ kind: "update"; change: Change } & FieldUpdate)
  | { kind: "remove"; change: Change }
  | { kind: "invalid"; change: Change; problem: ReplicateError };

export function incoming(change: Change): Incoming {
  try {
    const badId = idProblem(change.document);
    if (badId) throw badId;
    if (change.op === "remove") return { kind: "remove", change };
    return { kind: "update", change, ...readFieldUpdate(updateOf(change)) };
  } catch (problem) {
    if (!(problem instanceof ReplicateError)) throw problem;
    return { kind: "invalid", change, problem };
  }
}

/** The client ids that changes use, each once. */
export function clientIdsOfAll(changes: readonly Incoming[]): number[] {
  const authors = new Set<number>();
  for (const change of changes) {
    if (change.kind !== "update") continue;
    for (const { id } of change.writes) authors.add(id.client);
  }
  return [...authors];
}

function updateOf(change: Change): Uint8Array {
  const [only, ...others] = change.parts;
  if (only?.part !== FIELDS_PART || others.length > 0) {
    throw new ReplicateError(
      "INVALID_UPDATE",
      `A change of op "${change.op}" must carry exactly one Yjs update, for the part \`${FIELDS_PART}\`.`,
    );
  }
  return new Uint8Array(only.update);
}
