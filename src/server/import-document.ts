import type { CompiledFields } from "../shared/compiled-fields.js";
import { difference, flatten, type FlatRow } from "../shared/operations.js";
import { loadPart, mintUpdate, SERVER_CLIENT_ID } from "../shared/plain-part.js";
import { checkKeys } from "./apply-writes.js";
import { checkSize, checkWhole, writtenOutcome, type Outcome } from "./merge.js";
import { reconcile, type DocumentState } from "./reconcile.js";

/** What an import does with a document that exists, or existed once. */
export type ExistingRule = "keep" | "replace";

/**
 * What a row that the server brings comes to, as an edit of its own (S2): a new document, or, where
 * the rule is to replace, the fields that differ. Pure, as `mergeChange` is for what clients bring.
 *
 * @throws {ReplicateError} when the document cannot be that row.
 */
export function importDocument(
  fields: CompiledFields,
  state: DocumentState,
  row: FlatRow,
  rule: ExistingRule,
): Extract<Outcome, { kind: "write" | "unchanged" }> {
  const { stored, generation: newest } = state;
  if (rule === "keep" && (stored !== null || newest > 0)) {
    return { kind: "unchanged", generation: newest, entries: [] };
  }
  const current = reconcile(fields, state);
  checkWhole(current);
  const { live, row: prev } = current;
  const generation = live ? current.generation : current.nextGeneration;
  const doc = live ? current.doc : loadPart([]);
  const edits = difference(prev === null ? new Map() : flatten(prev, fields.tree), row);
  const bytes = edits.size > 0 ? mintUpdate(doc, edits, SERVER_CLIENT_ID) : null;
  if (bytes === null && current.entries.length === 0) {
    return { kind: "unchanged", generation, entries: [] };
  }

  checkKeys(doc);
  if (bytes === null) {
    // Server code wrote the row to the table, and the log learns of it here.
    checkSize(doc, current.loggedBytes);
    return { kind: "unchanged", generation, entries: current.entries };
  }
  return writtenOutcome(fields, current, { doc, bytes, authors: new Set() });
}
