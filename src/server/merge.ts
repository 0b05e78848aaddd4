import * as Y from "yjs";
import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError, type ReplicateErrorCode } from "../shared/errors.js";
import { MAX_PART_BYTES, MAX_PART_STRUCTS } from "../shared/limits.js";
import type { RowFields } from "../shared/operations.js";
import { loadPart, renderRow } from "../shared/plain-part.js";
import type { FieldWrite, WriteId } from "../shared/scan.js";
import type { Change } from "../shared/wire.js";
import { applyWrites, MissingDependencies } from "./apply-writes.js";
import { checkAuthors, type Standings } from "./client-ids.js";
import type { Incoming } from "./incoming.js";
import { reconcile, type DocumentState, type NewEntry, type Reconciled } from "./reconcile.js";

/** What a change comes to, decided before anything is written (S2, S4). */
export type Outcome =
  | { kind: "unchanged"; generation: number; entries: NewEntry[] }
  | {
      kind: "write";
      op: "insert" | "update";
      generation: number;
      prev: RowFields | null;
      next: RowFields;
      /** The client ids under which something new was written. */
      authors: ReadonlySet<number>;
      entries: NewEntry[];
    }
  | { kind: "remove"; generation: number; prev: RowFields; entries: NewEntry[] }
  | { kind: "ended"; generation: number; entries: NewEntry[] }
  | {
      kind: "rejected";
      code: ReplicateErrorCode | (string & {});
      message: string;
      /** What the server has of a document of which the change needs more. */
      stateVector?: Uint8Array;
    };

/**
 * Merges one document's change into its state. Pure: reads no clock, writes nothing.
 *
 * @param standings What the sender may do under each of the change's client ids.
 */
export function mergeChange(
  fields: CompiledFields,
  state: DocumentState,
  incoming: Incoming,
  standings: Standings,
): Outcome {
  try {
    if (incoming.kind === "invalid") throw incoming.problem;
    const current = currentState(fields, state, incoming);
    return incoming.kind === "remove"
      ? mergeRemoval(current, incoming.change)
      : mergeUpdate(fields, current, incoming, standings);
  } catch (error) {
    if (!(error instanceof ReplicateError)) throw error;
    const { code, message } = error;
    const needs = error instanceof MissingDependencies ? { stateVector: error.stateVector } : {};
    return { kind: "rejected", code, message, ...needs };
  }
}

/** A removal always works: what server code wrote that cannot be replicated ends with the document. */
function currentState(
  fields: CompiledFields,
  state: DocumentState,
  { kind }: Incoming,
): Reconciled {
  try {
    return reconcile(fields, state);
  } catch (error) {
    if (kind !== "remove" || !(error instanceof ReplicateError)) throw error;
    return reconcile(fields, { ...state, whole: false });
  }
}

function mergeRemoval(current: Reconciled, { generation }: Change): Outcome {
  const { live, row, entries, doc } = current;
  // A generation that already ended, or never began, needs no second tombstone.
  if (!live || row === null || generation < current.generation) {
    // Of a generation that has not begun yet nothing is over: the client would miss it when it comes.
    const known = Math.min(generation, current.generation);
    return { kind: "unchanged", generation: known, entries: live ? [] : entries };
  }
  const tombstone: NewEntry = {
    kind: "tombstone",
    generation: current.generation,
    begins: false,
    bytes: Y.encodeStateVector(doc),
  };
  return {
    kind: "remove",
    generation: current.generation,
    prev: row,
    entries: [...entries, tombstone],
  };
}

function mergeUpdate(
  fields: CompiledFields,
  current: Reconciled,
  { change, update, writes }: Extract<Incoming, { kind: "update" }>,
  standings: Standings,
): Outcome {
  const dead = deadGeneration(current, change, writes);
  if (dead) return dead;

  checkWhole(current);
  const doc = current.live ? current.doc : loadPart([]);
  const known = Y.decodeStateVector(Y.encodeStateVector(doc));
  const fresh = writes.filter(({ id }) => !isKnown(id, known));
  const authors = clientIdsOf(fresh);
  checkAuthors(standings, clientIdsOf(writes), authors, known);
  const merged = applyWrites(fields, doc, { update, writes: fresh });
  const generation = current.live ? current.generation : current.nextGeneration;
  if (merged === null) return { kind: "unchanged", generation, entries: [] };

  return writtenOutcome(fields, current, { doc, bytes: merged, authors });
}

/** A change that is merged already: its bytes, the document with them, and who says something new. */
type Written = { doc: Y.Doc; bytes: Uint8Array; authors: ReadonlySet<number> };

/**
 * What has been merged into a document, as what is to be written.
 *
 * @throws {ReplicateError} when the document cannot be stored like that.
 */
export function writtenOutcome(
  fields: CompiledFields,
  { live, generation, nextGeneration, row: prev, entries, loggedBytes }: Reconciled,
  { doc, bytes, authors }: Written,
): Extract<Outcome, { kind: "write" }> {
  const next = renderRow(doc, fields.tree);
  if (next === null) {
    throw new ReplicateError(
      "INVALID_UPDATE",
      "The update does not write the root marker, so the document would have no row.",
    );
  }
  const problem = fields.check(next, prev, "whole");
  if (problem) throw problem;
  checkSize(doc, loggedBytes + bytes.byteLength);
  const written: NewEntry = {
    kind: "update",
    generation: live ? generation : nextGeneration,
    begins: !live,
    bytes,
  };
  return {
    kind: "write",
    op: prev === null ? "insert" : "update",
    generation: written.generation,
    prev,
    next,
    authors,
    entries: [...entries, written],
  };
}

/** Updates and deletions that they imply never take more than so many times the updates' bytes. */
const MAX_GROWTH = 4;

/**
 * A row is bounded already; this bounds what its past fields and authors leave for ever (S8).
 *
 * @param written Bytes of all updates that `doc` was loaded from: few spare us from encoding it.
 * @throws {ReplicateError} `DOCUMENT_FULL`
 */
export function checkSize(doc: Y.Doc, written: number) {
  let structs = 0;
  for (const ofOne of doc.store.clients.values()) structs += ofOne.length;
  if (structs > MAX_PART_STRUCTS) throw documentFull(`${structs} changes`, MAX_PART_STRUCTS);
  if (written * MAX_GROWTH <= MAX_PART_BYTES) return;
  const size = Y.encodeStateAsUpdate(doc).byteLength;
  if (size > MAX_PART_BYTES) throw documentFull(`${size} bytes`, MAX_PART_BYTES);
}

/**
 * An edit builds on all of the log; a removal on nothing, so that it always works, and the state vector
 * of what could be read still knows the inserts that began the generation.
 *
 * @throws {ReplicateError} `DOCUMENT_FULL`
 */
export function checkWhole({ whole }: Pick<Reconciled, "whole">) {
  if (whole) return;
  throw new ReplicateError(
    "DOCUMENT_FULL",
    "The log of the document is too long to be read. Try again when it has been compacted, or remove the document and insert it again.",
  );
}

function documentFull(size: string, most: number): ReplicateError {
  return new ReplicateError(
    "DOCUMENT_FULL",
    `With all the fields it ever had the document takes ${size}, more than ${most}. Remove it and insert it again to start afresh.`,
  );
}

function isKnown(id: WriteId, known: ReadonlyMap<number, number>): boolean {
  return id.clock < (known.get(id.client) ?? 0);
}

function clientIdsOf(writes: readonly FieldWrite[]): ReadonlySet<number> {
  return new Set(writes.map(({ id }) => id.client));
}

/** The answer to a change of a generation that is over (an edit never recreates it), if it is one. */
function deadGeneration(current: Reconciled, change: Change, writes: FieldWrite[]): Outcome | null {
  const { generation, live, ended, entries } = current;
  const lastEnded = live ? generation - 1 : generation;
  const removed: Outcome = { kind: "ended", generation: lastEnded, entries: live ? [] : entries };
  if (change.op === "insert") {
    // A re-sent insert that once was accepted, perhaps into a later generation than it asked for,
    // and then removed by someone, must not come back; an insert by someone who never knew of the
    // ended generation is a new one.
    const since = ended.filter((end) => end.generation >= change.generation);
    return since.some((end) => isContained(writes, end.stateVector)) ? removed : null;
  }
  if (change.generation <= lastEnded) return removed;
  if (!live || change.generation > generation) {
    throw new ReplicateError(
      "UNKNOWN_DOCUMENT",
      `There is no document ${JSON.stringify(change.document)} to update. Insert it first.`,
    );
  }
  return null;
}

function isContained(writes: FieldWrite[], stateVector: Uint8Array): boolean {
  const known = Y.decodeStateVector(stateVector);
  return writes.every(({ id }) => isKnown(id, known));
}
