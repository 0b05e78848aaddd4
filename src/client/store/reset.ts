import type { CompiledFields } from "../../shared/compiled-fields.js";
import type { ResetReason } from "../../shared/wire.js";
import { emptyBase, rowOf, type BaseDocument } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { Device } from "./device.js";
import type { NumberedRecord } from "./mint.js";
import { refetch } from "./repair.js";
import { judgeChanges } from "./reset-changes.js";
import {
  addSegment,
  decodeBase,
  deleteRecords,
  putRecords,
  readBase,
  readRefetched,
  readSync,
  unsealRecord,
  writeRefetched,
  writeSync,
  type RowChanges,
} from "./stored.js";
import type { StorageTransaction } from "../storage/storage.js";
import type { Reset, StoredSync } from "./sync-point.js";
import type { BaseRow } from "./rows.js";

// Loading everything anew beside what there is (S6). Pages go into the documents, which nobody looks at
// meanwhile: rows stay as they are, and changes wait. At the end, document by document, rows change to
// what the load has brought, and what it has not brought goes. Every step is one transaction, and the
// position says which one is next: a page that ends in between goes on from there.

/** Rows that have changed to what was loaded, and what is left to do. */
export type Swapped = RowChanges & { sync: StoredSync };

/** Documents whose rows change in one transaction. */
const SWAP_DOCUMENTS = 200;

/**
 * Begins to load anew. Whoever else has gone on from that cursor since, in another tab, knows more, and
 * then nothing happens.
 *
 * @param cursor The position of which the server said so.
 */
export async function beginReset(
  tx: StorageTransaction,
  cursor: string | null,
  reason: ResetReason,
  device: Device,
): Promise<StoredSync> {
  const current = await readSync(tx);
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
  await writeSync(tx, next);
  await writeRefetched(tx, new Map()); // this load brings them, like everything else
  return next;
}

/** What a load of everything anew has brought of a document so far; without one, what there is. */
export function shadowOf(base: BaseDocument, reset: Reset | undefined): BaseDocument {
  return reset && base.load !== reset.mark ? emptyBase() : base;
}

export function loadedBy(reset: Reset | undefined, base: BaseDocument): BaseDocument {
  return reset ? { ...base, load: reset.mark } : base;
}

/**
 * Has the rows of some documents change to what was loaded, and gives up what is not there any more. When
 * `sync` says that there is no reset, it is done.
 */
export async function swapRows(
  tx: StorageTransaction,
  seen: number,
  fields: CompiledFields,
  device: Device,
): Promise<Swapped> {
  const sync = await readSync(tx);
  const { reset } = sync;
  const rows = new Map<string, BaseRow>();
  if (!reset?.loaded) return { ...(await addSegment(tx, rows, seen)), sync };
  const changes = await changesByDocument(tx);
  const refetched = await readRefetched(tx);
  /** Found to be damaged since the load began: what it said of them went by, and their changes wait. */
  const lost: string[] = [];
  const batch = await tx.getAll("documents", reset.after ?? undefined, SWAP_DOCUMENTS);
  for (const [key, stored] of batch) {
    const document = String(key);
    const base = decodeBase(stored);
    const waiting = changes.get(document) ?? [];
    changes.delete(document);
    const row = base === DAMAGED ? DAMAGED : loadedRow(base, reset, fields);
    if (base === DAMAGED || row === DAMAGED || refetched.has(document)) {
      lost.push(document);
      continue;
    }
    const isGone = base.load !== reset.mark;
    rows.set(document, row);
    if (isGone) await tx.delete("documents", key);
    const bases = isGone ? { before: base, after: undefined } : { before: undefined, after: base };
    await judge(tx, waiting, bases, reset, fields);
  }
  await refetch(tx, lost, () => device.newClientId());
  const isLast = batch.length < SWAP_DOCUMENTS;
  const next = isLast
    ? done(sync)
    : { ...sync, reset: { ...reset, after: String(batch.at(-1)![0]) } };
  if (isLast) await judgeOthers(tx, changes, reset, fields);
  await writeSync(tx, next);
  return { ...(await addSegment(tx, rows, seen)), sync: next };
}

/** What the load has brought of a document, to show from now on. */
function loadedRow(base: BaseDocument, { mark }: Reset, { tree }: CompiledFields) {
  if (base.load !== mark) return { generation: 0, row: null };
  return orDamaged(() => rowOf(base, tree));
}

function done({ reset: _, ...sync }: StoredSync): StoredSync {
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

type Bases = { before: BaseDocument | undefined; after: BaseDocument | undefined };

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
  const changes = new Map<string, NumberedRecord[]>();
  for (const [seq, stored] of await tx.getAll("outbox")) {
    const unsealed = unsealRecord(stored);
    if (unsealed.kind !== "intact") continue;
    const { document } = unsealed.value;
    const own = changes.get(document) ?? [];
    changes.set(document, [...own, { seq: seq as number, record: unsealed.value }]);
  }
  return changes;
}
