import type { CompiledFields } from "../../shared/compiled-fields.js";
import type { ResetReason } from "../../shared/wire.js";
import { emptyBase, rowOf, type BaseDocument } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { Device } from "./device.js";
import type { NumberedRecord } from "./mint.js";
import { markDamaged, readDamaged, writeDamaged } from "./repair.js";
import { groupBy } from "./group-by.js";
import { judgeChanges, type Bases } from "./reset-changes.js";
import {
  decodeBase,
  deleteRecords,
  putRecords,
  readBase,
  readSyncPoint,
  unsealRecord,
  writeSyncPoint,
} from "./stored.js";
import type { StorageTransaction } from "../storage/storage.js";
import type { Reset, StoredSyncPoint } from "./sync-point.js";
import { addSegment, type BaseRow, type RowChanges } from "./rows.js";

// Loads everything again beside what there is (S6). Pages go into the documents, which nobody looks at
// meanwhile: rows stay as they are, and changes wait. At the end, document by document, rows change to
// what the load has brought, and what it has not brought goes. Every step is one transaction, and the
// position holds which one is next: a page that ends in between goes on from there.

/** Rows that have changed to what was loaded, and what is left to do. */
export type ReloadedRows = RowChanges & { point: StoredSyncPoint };

/** Documents whose rows change in one transaction. */
const SHOW_DOCUMENTS = 200;

/**
 * Begins to load everything again. Another tab that has gone on from that cursor since knows more, and
 * then nothing happens.
 *
 * @param cursor The position at which the server asked for it.
 */
export async function beginReset(
  tx: StorageTransaction,
  cursor: string | null,
  reason: ResetReason,
  device: Device,
): Promise<StoredSyncPoint> {
  const current = await readSyncPoint(tx);
  if (current.cursor !== cursor) return current;
  // Others may know its clocks up to where the server does not (C6).
  await device.changeClientId(tx);
  const isRestored = current.reset?.reason === "restored" || reason === "restored";
  const reset: Reset = {
    reason: isRestored ? "restored" : reason,
    mark: device.newClientId(),
    loaded: false,
    after: null,
  };
  const next = { ...current, cursor: null, round: current.round + 1, reset };
  await writeSyncPoint(tx, next);
  await writeDamaged(tx, new Map()); // this load brings them, like everything else
  return next;
}

/** What a load that starts over has brought of a document so far; without one, what there is. */
export function shadowOf(base: BaseDocument, reset: Reset | undefined): BaseDocument {
  return reset && base.load !== reset.mark ? emptyBase() : base;
}

export function loadedBy(reset: Reset | undefined, base: BaseDocument): BaseDocument {
  return reset ? { ...base, load: reset.mark } : base;
}

/**
 * Has the rows of some documents change to what was loaded, and gives up what is not there any more. When
 * `point` says that there is no reset, it is done.
 */
export async function showReloadedRows(
  tx: StorageTransaction,
  lastSegment: number,
  fields: CompiledFields,
  device: Device,
): Promise<ReloadedRows> {
  const point = await readSyncPoint(tx);
  const { reset } = point;
  const rows = new Map<string, BaseRow>();
  if (!reset?.loaded) return { ...(await addSegment(tx, rows, lastSegment)), point };
  const changes = await changesByDocument(tx);
  const known = await readDamaged(tx);
  /** Found to be damaged since the load began: its entries of them were passed by, and their changes wait. */
  const damaged: string[] = [];
  const batch = await tx.getAll("documents", reset.after ?? undefined, SHOW_DOCUMENTS);
  for (const [key, stored] of batch) {
    const document = String(key);
    const base = decodeBase(stored);
    const waiting = changes.get(document) ?? [];
    changes.delete(document);
    const row = base === DAMAGED ? DAMAGED : loadedRow(base, reset, fields);
    if (base === DAMAGED || row === DAMAGED || known.has(document)) {
      damaged.push(document);
      continue;
    }
    const isGone = base.load !== reset.mark;
    rows.set(document, row);
    if (isGone) await tx.delete("documents", key);
    const bases = isGone ? { before: base, after: undefined } : { before: undefined, after: base };
    await judge(tx, waiting, bases, reset, fields);
  }
  await markDamaged(tx, damaged, () => device.newClientId());
  const isLast = batch.length < SHOW_DOCUMENTS;
  const next = isLast
    ? done(point)
    : { ...point, reset: { ...reset, after: String(batch.at(-1)![0]) } };
  if (isLast) await judgeOthers(tx, changes, reset, fields);
  await writeSyncPoint(tx, next);
  return { ...(await addSegment(tx, rows, lastSegment)), point: next };
}

/** What the load has brought of a document, to show from now on. */
function loadedRow(base: BaseDocument, { mark }: Reset, { tree }: CompiledFields) {
  if (base.load !== mark) return { generation: 0, row: null };
  return orDamaged(() => rowOf(base, tree));
}

function done({ reset: _, ...sync }: StoredSyncPoint): StoredSyncPoint {
  return { ...sync, complete: true };
}

/** Changes of documents of which nothing was here before. */
async function judgeOthers(
  tx: StorageTransaction,
  changes: ReadonlyMap<string, NumberedRecord[]>,
  reset: Reset,
  fields: CompiledFields,
) {
  for (const [document, records] of changes) {
    if ((await readBase(tx, document)) !== undefined) continue; // it had its turn
    await judge(tx, records, { before: undefined, after: undefined }, reset, fields);
  }
}

async function judge(
  tx: StorageTransaction,
  records: NumberedRecord[],
  bases: Bases,
  { reason }: Reset,
  fields: CompiledFields,
) {
  if (records.length === 0) return;
  const { changed, done } = judgeChanges(records, bases, reason, fields);
  await putRecords(tx, changed);
  await deleteRecords(tx, done);
}

/** All that the server has not accepted, by document, oldest first. */
async function changesByDocument(tx: StorageTransaction): Promise<Map<string, NumberedRecord[]>> {
  const changes = (await tx.getAll("outbox")).flatMap(([seq, stored]) => {
    const unsealed = unsealRecord(stored);
    return unsealed.kind === "intact" ? [{ seq: seq as number, record: unsealed.value }] : [];
  });
  return groupBy(changes, ({ record }) => record.document);
}
