import type { FieldTree } from "../shared/field-tree.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import type { Change, Result, StreamEntry } from "../shared/wire.js";
import { advance, endGeneration, type Advanced, type BaseDocument } from "./base.js";
import type { NumberedRecord } from "./mint.js";
import type { Rejection } from "./records.js";

/** What an answer does to what is stored; all of it in one transaction (C4). */
export type Settled = {
  /** The new base and row; null when the base stays as it is. */
  advanced: Advanced | null;
  /** Records that are done with. */
  done: NumberedRecord[];
  /** Records as they are from now on. */
  changed: NumberedRecord[];
  /** Whether the next update of this document needs a client id of its own. */
  burnClientId: boolean;
};

export const REMOVED: Rejection = {
  code: "DOCUMENT_REMOVED",
  message: "The document was removed by someone else before this change reached the server.",
};

/**
 * Turns the server's answer to a group into changes of what is stored.
 *
 * @param all Every record of the document, in order; `group` is among them.
 */
export function settleGroup(
  base: BaseDocument,
  all: NumberedRecord[],
  group: NumberedRecord[],
  change: Change,
  result: Result,
  tree: FieldTree,
): Settled {
  switch (result.status) {
    case "accepted":
      return accept(base, all, group, change, result.generation, tree);
    case "removed": {
      const ended = endGeneration(base, result.generation);
      const advanced = ended === base ? null : { base: ended, row: null };
      // A removed insert had been accepted before, so it is done; an edit has nowhere to go.
      const done = change.op === "update" ? [] : group;
      const changed = change.op === "update" ? group.map((one) => reject(one, REMOVED)) : [];
      return { advanced, done, changed, burnClientId: true };
    }
    case "rejected":
      return { advanced: null, done: [], burnClientId: true, ...refuse(all, group, result) };
  }
}

function accept(
  base: BaseDocument,
  all: NumberedRecord[],
  group: NumberedRecord[],
  change: Change,
  generation: number,
  tree: FieldTree,
): Settled {
  const entries: StreamEntry[] =
    change.op === "remove"
      ? [entryOf(change, generation, "tombstone", new ArrayBuffer(0))]
      : change.parts.map(({ update }) => entryOf(change, generation, "update", update));
  // The server may have put an insert into a later generation than the one we named.
  const changed =
    generation === change.generation
      ? []
      : all
          .filter((one) => !group.includes(one) && one.record.generation === change.generation)
          .map(({ seq, record }) => ({ seq, record: { ...record, generation } }));
  return { advanced: advance(base, entries, tree), done: group, changed, burnClientId: false };
}

function entryOf(
  { document }: Change,
  generation: number,
  kind: StreamEntry["kind"],
  bytes: ArrayBuffer,
): StreamEntry {
  return { document, part: FIELDS_PART, generation, kind, bytes };
}

/** A group that was refused is split, and each of its records is judged on its own (C4 ◆). */
function refuse(all: NumberedRecord[], group: NumberedRecord[], { code, message }: Rejection) {
  if (code === "MISSING_DEPENDENCIES") return { changed: group.map((one) => unmint(one, false)) };
  if (group.length > 1) return { changed: group.map((one) => unmint(one, true)) };
  const [refused] = group as [NumberedRecord];
  const { kind, generation } = refused.record;
  // Edits of a document whose insert was refused have nothing to change.
  const along =
    kind === "insert"
      ? all.filter(({ seq, record }) => seq > refused.seq && record.generation === generation)
      : [];
  return { changed: [refused, ...along].map((one) => reject(one, { code, message })) };
}

function unmint({ seq, record }: NumberedRecord, alone: boolean): NumberedRecord {
  return { seq, record: { ...record, group: null, update: null, alone } };
}

export function reject({ seq, record }: NumberedRecord, rejected: Rejection): NumberedRecord {
  return { seq, record: { ...record, group: null, update: null, alone: true, rejected } };
}
