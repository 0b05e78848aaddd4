import * as Y from "yjs";
import type { CompiledFields } from "../../shared/compiled-fields.js";
import {
  applyOperations,
  decodeOperations,
  encodeOperations,
  flatten,
  type FlatRow,
} from "../../shared/operations.js";
import { loadPart } from "../../shared/plain-part.js";
import type { OwnRefusal } from "../../shared/refusal.js";
import type { ResetReason } from "../../shared/wire.js";
import { rowOf, type BaseDocument } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { NumberedRecord } from "./mint.js";
import { reject, unmint } from "./settle.js";

const GONE: OwnRefusal = {
  code: "UNKNOWN_DOCUMENT",
  message: "The document that this change edits is no longer on the server.",
};

const UNCERTAIN: OwnRefusal = {
  code: "SENT_LONG_AGO",
  message:
    "The insert of this document was sent so long ago that the server can no longer tell whether it arrived and was removed afterwards. Retry it to insert the document, or discard it.",
};

/** What of a document was here, and is here now, after everything was loaded again. */
export type Bases = { before: BaseDocument | undefined; after: BaseDocument | undefined };

/**
 * What becomes of a document's changes that have waited while everything was loaded again (S6). An
 * insert that was never sent goes in, and what follows it with it. Otherwise changes of what is not there any
 * more are rejected, with the row that is lost with them.
 *
 * @param records All of the document's, oldest first.
 */
export function judgeChanges(
  records: readonly NumberedRecord[],
  { before, after }: Bases,
  reason: ResetReason,
  { tree }: CompiledFields,
): { changed: NumberedRecord[]; done: NumberedRecord[] } {
  const changed: NumberedRecord[] = [];
  const done: NumberedRecord[] = [];
  let exists = after?.live === true;
  let uncertain: number | null = null;
  const last = before && orDamaged(() => rowOf(before, tree));
  const row = last && last !== DAMAGED ? last.row : null;
  const lost: FlatRow = row ? flatten(row, tree) : new Map();
  for (const one of records) {
    const { kind, group, generation, operations, rejected } = one.record;
    if (rejected) {
      // Refused before the load began: its row goes with the document, unless it is kept here.
      if (row && !exists && kind === "update")
        changed.push(withRow(one, changedBy(lost, operations)));
      continue;
    }
    applyOperations(lost, decodeOperations(operations));
    const wasSent = group !== null;
    if (kind === "insert" && wasSent && reason === "pruned" && !isIn(one, after)) {
      uncertain = generation;
    }
    if (uncertain === generation) changed.push(withRow(reject(one, UNCERTAIN), lost));
    else if (kind === "insert") exists = true;
    else if (!exists && kind === "remove") done.push(one);
    else if (!exists) changed.push(withRow(reject(one, GONE), lost));
    // These bytes build on structs whose ids may be in use for something else since the restore, so
    // they are minted again.
    else if (wasSent && reason === "restored" && !isOfInsert(one, records)) {
      changed.push(unmint(one, one.record.alone));
    }
  }
  return { changed, done };
}

/** Whether the server has the bytes that were sent for a record. */
function isIn({ record }: NumberedRecord, base: BaseDocument | undefined): boolean {
  if (!base?.live || record.update === null) return false;
  const known = Y.decodeStateVector(Y.encodeStateVector(loadPart(base.updates)));
  const sent = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(record.update));
  return [...sent].every(([client, clock]) => (known.get(client) ?? 0) >= clock);
}

/** An insert's bytes build on nothing. */
function isOfInsert({ record }: NumberedRecord, records: readonly NumberedRecord[]): boolean {
  return records.some(({ seq, record: { kind } }) => seq === record.group && kind === "insert");
}

function changedBy(row: FlatRow, operations: string): FlatRow {
  const changed = new Map(row);
  applyOperations(changed, decodeOperations(operations));
  return changed;
}

function withRow({ seq, record }: NumberedRecord, row: FlatRow): NumberedRecord {
  return { seq, record: { ...record, row: encodeOperations(row) } };
}
