import type { FieldTree } from "../../shared/field-tree.js";
import { emptyBase, rowOf, type BaseDocument } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { NumberedRecord } from "./mint.js";
import { decodeBase, putRecords, writeBase } from "./stored.js";
import { unmint } from "./settle.js";
import { forEach } from "../storage/for-each.js";
import { intact, seal } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";
import { addSegment, type BaseRow, type RowChanges } from "./rows.js";
import { META } from "../storage/meta-keys.js";

/**
 * Documents whose damaged base has been given up, and not been recovered from the server yet, each with
 * the Yjs client id under which this device edits it from then on (C4). A new one is drawn whenever a page
 * passes the document by: an answer that was asked for while it had another one may be older than that
 * page (C7).
 */
export type DamagedDocuments = ReadonlyMap<string, number>;

/** Whether there is something in one that the other has not. */
export function isMore(one: DamagedDocuments, other: DamagedDocuments): boolean {
  return [...one.keys()].some((document) => !other.has(document));
}

/** @param rewrite Whether to store the list again where it was damaged; not in a transaction that only reads. */
export async function readDamaged(
  tx: StorageTransaction,
  { rewrite = false } = {},
): Promise<Map<string, number>> {
  const stored = await tx.get("meta", META.damaged);
  const listed = stored === undefined ? [] : intact<[string, number][]>(stored);
  const damaged = new Map(listed ?? (await findDamaged(tx)));
  if (!listed && rewrite) await writeDamaged(tx, damaged);
  return damaged;
}

/**
 * The same list, from what giving up left of the documents. A document that the server never had, with
 * a refused change, looks the same; asking for it does no harm.
 */
async function findDamaged(tx: StorageTransaction): Promise<[string, number][]> {
  const found: [string, number][] = [];
  await forEach(tx, "documents", (document, stored) => {
    const base = decodeBase(stored);
    if (base === DAMAGED || base.clientId === null) return;
    if (base.generation === 0 && base.updates.length === 0) {
      found.push([String(document), base.clientId]);
    }
  });
  return found;
}

export async function writeDamaged(tx: StorageTransaction, damaged: DamagedDocuments) {
  if (damaged.size > 0) await tx.put("meta", META.damaged, seal([...damaged]));
  else await tx.delete("meta", META.damaged);
}

/**
 * Gives the damaged bases of these documents up, until they are recovered from the server. Until then
 * their rows stay as they are, and their changes wait. A page with entries of one of them passes it by
 * when this is done in its transaction: the server has all of that, too, when it is asked later (C7).
 *
 * @param newClientId What the damaged bases knew of refused bytes is lost, so that no update of
 * these documents may use the device's own client id (C4).
 */
export async function markDamaged(
  tx: StorageTransaction,
  documents: readonly string[],
  newClientId: () => number,
): Promise<void> {
  if (documents.length === 0) return;
  const damaged = await readDamaged(tx);
  for (const document of documents) {
    const clientId = newClientId();
    await writeBase(tx, document, { ...emptyBase(), clientId });
    damaged.set(document, clientId);
  }
  await writeDamaged(tx, damaged);
}

/** Documents whose rows are rebuilt in one transaction. */
const REBUILD_DOCUMENTS = 200;

/** What came of one step of rebuilding rows; `next` is where the next step begins. */
export type Rebuilt = RowChanges & {
  next: string | null;
  /** Documents of which the base was damaged as well. */
  damaged: string[];
};

/** Rows of some documents, made from their bases: needed where the stored rows were damaged. */
export async function rebuildRows(
  tx: StorageTransaction,
  after: string | null,
  lastSegment: number,
  tree: FieldTree,
  newClientId: () => number,
): Promise<Rebuilt> {
  const known = await readDamaged(tx);
  const batch = await tx.getAll("documents", after ?? undefined, REBUILD_DOCUMENTS);
  const rows = new Map<string, BaseRow>();
  const damaged: string[] = [];
  for (const [key, stored] of batch) {
    const document = String(key);
    const base = decodeBase(stored);
    if (base !== DAMAGED && known.has(document)) continue;
    const row = base === DAMAGED ? DAMAGED : orDamaged(() => rowOf(base, tree));
    if (row === DAMAGED) damaged.push(document);
    else rows.set(document, row);
  }
  await markDamaged(tx, damaged, newClientId);
  const isLast = batch.length < REBUILD_DOCUMENTS;
  const next = isLast ? null : String(batch.at(-1)![0]);
  return { ...(await addSegment(tx, rows, lastSegment)), next, damaged };
}

/**
 * Bytes lie with the first record of their group. Where that one was damaged, it cannot be known
 * whether they ever reached the server: the others are judged each on its own, under another client
 * id, so that the lost bytes can never meet theirs (C4).
 */
export async function repairGroup(
  tx: StorageTransaction,
  records: NumberedRecord[],
  base: BaseDocument | undefined,
  newClientId: () => number,
): Promise<{ records: NumberedRecord[]; base: BaseDocument | undefined }> {
  const seqs = new Set(records.map(({ seq }) => seq));
  const isHeadless = ({ record }: NumberedRecord) =>
    record.group !== null && !seqs.has(record.group);
  if (!records.some(isHeadless)) return { records, base };
  const repaired = records.map((one) => (isHeadless(one) ? unmint(one, true) : one));
  const own = { ...(base ?? emptyBase()), clientId: newClientId() };
  await putRecords(
    tx,
    repaired.filter((_, index) => isHeadless(records[index]!)),
  );
  await writeBase(tx, repaired[0]!.record.document, own);
  return { records: repaired, base: own };
}
