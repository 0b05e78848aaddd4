import type { FieldTree } from "../../shared/field-tree.js";
import { FIELDS_PART } from "../../shared/plain-part.js";
import type { OwnRefusal, Refusal } from "../../shared/refusal.js";
import { sameBytes } from "../../shared/values.js";
import type { Change, Result, WholeEntry } from "../../shared/wire.js";
import { advance, endGeneration, type Advanced, type BaseDocument } from "./base.js";
import { mintAnew, withBytes, type NumberedRecord } from "./mint.js";

/** What an answer does to what is stored; all of it in one transaction (C4). */
type Settled = {
  /** The new base and row; null when the base stays as it is. */
  advanced: Advanced | null;
  /** Records that are done with. */
  done: NumberedRecord[];
  /** Records as they are from now on. */
  changed: NumberedRecord[];
  /**
   * What becomes of the client id that the update used: the document's next one may `keep` it
   * or needs a `fresh` one of its own; or the id is `taken`, and useless for any document.
   */
  clientId: "keep" | "fresh" | "taken";
  /** The generation that an insert named, when the server put it into another one. */
  insertedAs?: number;
};

/** The server's answer to a group of a document's records. */
export type Answer = {
  /** Every record of the document, in order; `group` is among them. */
  all: NumberedRecord[];
  group: NumberedRecord[];
  /** What was sent for the group. */
  change: Change;
  result: Result;
};

export const REMOVED: OwnRefusal = {
  code: "DOCUMENT_REMOVED",
  message: "The document was removed by someone else before this change reached the server.",
};

/**
 * Whether what was sent for these records is what would be sent now. Bytes that were given up since
 * may be answered late; the bytes that replaced them will get their own answer (C6 ◆).
 */
export function isAnswerOf(
  group: NumberedRecord[],
  { parts }: Change,
  { status }: Result,
): boolean {
  const { group: head, update } = group[0]!.record;
  // No new bytes exist yet: an acceptance still holds, but a refusal concerned the whole group.
  if (head === null) return status !== "rejected";
  const sent = parts[0] && new Uint8Array(parts[0].update);
  if (!sent || !update) return !sent && !update;
  return sameBytes(sent, update);
}

/**
 * Turns the server's answer to a group into changes of what is stored.
 *
 * @param freshId A client id that nobody has used yet.
 */
export function settleGroup(
  base: BaseDocument,
  answer: Answer,
  tree: FieldTree,
  freshId: number,
): Settled {
  const { change, group, result } = answer;
  switch (result.status) {
    case "accepted":
      return accept(base, answer, result.generation, tree);
    case "removed": {
      const ended = endGeneration(base, result.generation);
      const advanced = ended === base ? null : { base: ended, row: null };
      // A removed insert had been accepted before, so it is done; an edit has nowhere to go.
      const done = change.op === "update" ? [] : group;
      const changed =
        change.op === "update"
          ? group.map((one) => reject(one, REMOVED))
          : followers(answer, result.generation);
      return { advanced, done, changed, clientId: "fresh" };
    }
    case "rejected":
      return { advanced: null, done: [], ...refuse(base, answer, result, { freshId, tree }) };
  }
}

function accept(base: BaseDocument, answer: Answer, generation: number, tree: FieldTree): Settled {
  const { group, change } = answer;
  const entries: WholeEntry[] =
    change.op === "remove"
      ? [changeEntry(change, generation, "tombstone", new ArrayBuffer(0))]
      : change.parts.map(({ update }) => changeEntry(change, generation, "update", update));
  // The server may have put an insert into a later generation than the one we named.
  const settled = {
    advanced: advance(base, entries, tree),
    done: group,
    clientId: "keep" as const,
  };
  const insertedAs = group[0]!.record.generation;
  if (change.op !== "insert" || generation === insertedAs) return { ...settled, changed: [] };
  return { ...settled, changed: followers(answer, generation), insertedAs };
}

/** Records that build on an insert, in the generation where it went; those of any other group stay. */
function followers({ all, group, change }: Answer, generation: number): NumberedRecord[] {
  const from = group[0]!.record.generation;
  if (change.op !== "insert" || generation === from) return [];
  return all
    .filter((one) => !group.includes(one) && one.record.generation === from)
    .map(({ seq, record }) => ({ seq, record: { ...record, generation } }));
}

function changeEntry(
  { document }: Change,
  generation: number,
  kind: WholeEntry["kind"],
  bytes: ArrayBuffer,
): WholeEntry {
  return { document, part: FIELDS_PART, generation, kind, bytes };
}

type Refused = Extract<Result, { status: "rejected" }>;

function refuse(
  base: BaseDocument,
  { all, group }: Answer,
  { code, message, stateVector }: Refused,
  { freshId, tree }: { freshId: number; tree: FieldTree },
): Pick<Settled, "changed" | "clientId"> {
  // Not the change is at fault, but under whose name it came: it goes out again under another.
  if (code === "CLIENT_ID_TAKEN") {
    const changed = group.map((one) => unmint(one, one.record.alone));
    return { changed, clientId: "taken" };
  }
  if (code === "MISSING_DEPENDENCIES") {
    const fresh = stateVector && mintAnew(group, base, new Uint8Array(stateVector), freshId, tree);
    const changed = fresh
      ? withBytes(group, fresh)
      : group.map((one) => unmint(one, one.record.alone));
    return { changed, clientId: "fresh" };
  }
  return { changed: refuseRecords(all, group, { code, message }), clientId: "fresh" };
}

/** A group that was refused is split, and each of its records is judged on its own (C4 ◆). */
function refuseRecords(all: NumberedRecord[], group: NumberedRecord[], rejection: Refusal) {
  if (group.length > 1) return group.map((one) => unmint(one, true));
  const [refused] = group as [NumberedRecord];
  const { kind, generation } = refused.record;
  // Edits of a document whose insert was refused have nothing to change.
  const along =
    kind === "insert"
      ? all.filter(({ seq, record }) => seq > refused.seq && record.generation === generation)
      : [];
  return [refused, ...along].map((one) => reject(one, rejection));
}

export function unmint({ seq, record }: NumberedRecord, alone: boolean): NumberedRecord {
  const { pushedAs: _, ...rest } = record;
  return { seq, record: { ...rest, group: null, update: null, alone } };
}

export function reject(one: NumberedRecord, rejected: Refusal): NumberedRecord {
  const { seq, record } = unmint(one, true);
  return { seq, record: { ...record, rejected } };
}
