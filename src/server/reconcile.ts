import * as Y from "yjs";
import type { CompiledFields } from "../shared/compiled-fields.js";
import { difference, flatten, type FlatRow, type RowFields } from "../shared/operations.js";
import {
  loadPart,
  mintUpdate,
  readFlat,
  renderRow,
  SERVER_CLIENT_ID,
} from "../shared/plain-part.js";

/** A document as the log and the app's table have it. */
export type DocumentState = {
  /** The newest generation, live or ended; 0 when there never was one. */
  generation: number;
  live: boolean;
  updates: Uint8Array[];
  /** Whether these are all: of a log that is too long to be read they are the oldest ones. */
  whole: boolean;
  /** Those that ended since the generation that an insert names. */
  ended: { generation: number; stateVector: Uint8Array }[];
  /** The newest generation that it may have had and that is forgotten (S6). */
  forgotten: number;
  /** The replicated fields of the app's row, or null when there is none. */
  stored: RowFields | null;
};

/** An entry for the log, still without its place. */
export type NewEntry = {
  kind: "update" | "tombstone";
  generation: number;
  /** Whether the generation begins with it. */
  begins: boolean;
  bytes: Uint8Array;
};

/** A document on which the log and the table agree, once `entries` are appended. */
export type Reconciled = {
  /** The newest generation, live or ended. */
  generation: number;
  /** The number of the generation that would begin next. */
  nextGeneration: number;
  live: boolean;
  whole: boolean;
  doc: Y.Doc;
  row: RowFields | null;
  ended: DocumentState["ended"];
  entries: NewEntry[];
  /** How many bytes its updates take together. */
  loggedBytes: number;
};

/**
 * Makes the log agree with the app's table when someone wrote to the table directly (S2 ◆): that
 * difference becomes a server edit, to be appended before the change at hand.
 */
export function reconcile(fields: CompiledFields, state: DocumentState): Reconciled {
  const { generation, live, whole, ended, stored } = state;
  const updates = live ? state.updates : [];
  const doc = loadPart(updates);
  const loggedBytes = updates.reduce((total, update) => total + update.byteLength, 0);
  const nextGeneration = Math.max(generation, state.forgotten) + 1;
  const logged: Reconciled = {
    generation,
    nextGeneration,
    live,
    whole,
    doc,
    row: stored,
    ended,
    entries: [],
    loggedBytes,
  };
  if (stored === null) return live ? endedDirectly(logged) : logged;
  // What someone may have written to the table cannot be told from what was not read.
  if (!whole) return logged;

  const edits = difference(live ? shown(doc, fields) : new Map(), flatten(stored, fields.tree));
  const bytes = edits.size > 0 ? mintUpdate(doc, edits, SERVER_CLIENT_ID) : null;
  const current = live ? generation : nextGeneration;
  const entry = bytes && { kind: "update" as const, generation: current, begins: !live, bytes };
  return {
    ...logged,
    generation: current,
    live: true,
    entries: entry ? [entry] : [],
    loggedBytes: loggedBytes + (bytes?.byteLength ?? 0),
  };
}

/** Server code has deleted the row: the live generation ends. */
function endedDirectly({ generation, nextGeneration, doc, ended }: Reconciled): Reconciled {
  const stateVector = Y.encodeStateVector(doc);
  return {
    generation,
    nextGeneration,
    live: false,
    whole: true,
    doc: loadPart([]),
    row: null,
    ended: [...ended, { generation, stateVector }],
    entries: [{ kind: "tombstone", generation, begins: false, bytes: stateVector }],
    loggedBytes: 0,
  };
}

/** The paths that a reader sees; stale ones below a removed object do not count. */
function shown(doc: Y.Doc, fields: CompiledFields): FlatRow {
  const row = renderRow(doc, fields.tree);
  return row === null ? readFlat(doc) : flatten(row, fields.tree);
}
