import type { FieldTree } from "../../shared/field-tree.js";
import { emptyBase, rowOf, type BaseDocument } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { NumberedRecord } from "./mint.js";
import {
  addSegment,
  decodeBase,
  putRecords,
  readRefetched,
  writeBase,
  writeRefetched,
  type RowChanges,
} from "./stored.js";
import { unmint } from "./settle.js";
import type { StorageTransaction } from "../storage/storage.js";
import type { BaseRow } from "./rows.js";

/** Documents whose rows are made anew in one transaction. */
const REBUILD_DOCUMENTS = 200;

/**
 * Gives the damaged bases of these documents up, until they are recovered from the server. Until then
 * their rows stay as they are, and their changes wait. A page that says something of one of them passes
 * it by when this is done in its transaction: the server has all of that, too, when it is asked later (C7).
 *
 * @param newClientId What the damaged bases knew of refused bytes is lost, so that no update of
 * these documents may use the device's own client id (C4).
 */
export async function refetch(
  tx: StorageTransaction,
  documents: readonly string[],
  newClientId: () => number,
): Promise<void> {
  if (documents.length === 0) return;
  const refetched = await readRefetched(tx);
  for (const document of documents) {
    const clientId = newClientId();
    await writeBase(tx, document, { ...emptyBase(), clientId });
    refetched.set(document, clientId); // as good a number as any that nobody has used yet
  }
  await writeRefetched(tx, refetched);
}

/** What came of one step of making rows anew; `next` is where the next step begins. */
export type Rebuilt = RowChanges & {
  next: string | null;
  /** Documents of which the base was damaged as well. */
  damaged: string[];
};

/** Rows of some documents, made from their bases: needed where the stored rows were damaged. */
export async function rebuildRows(
  tx: StorageTransaction,
  after: string | null,
  seen: number,
  tree: FieldTree,
  newClientId: () => number,
): Promise<Rebuilt> {
  const waiting = await readRefetched(tx);
  const batch = await tx.getAll("documents", after ?? undefined, REBUILD_DOCUMENTS);
  const rows = new Map<string, BaseRow>();
  const damaged: string[] = [];
  for (const [key, stored] of batch) {
    const document = String(key);
    const base = decodeBase(stored);
    if (base !== DAMAGED && waiting.has(document)) continue;
    const row = base === DAMAGED ? DAMAGED : orDamaged(() => rowOf(base, tree));
    if (row === DAMAGED) damaged.push(document);
    else rows.set(document, row);
  }
  await refetch(tx, damaged, newClientId);
  const isLast = batch.length < REBUILD_DOCUMENTS;
  const next = isLast ? null : String(batch.at(-1)![0]);
  return { ...(await addSegment(tx, rows, seen)), next, damaged };
}

/**
 * Bytes lie with the first record of their group. Where that one was damaged, it cannot be known
 * whether they ever reached the server: the others are judged each on its own, under another client
 * id, so that the lost bytes can never meet theirs (C4).
 */
export async function mendGroup(
  tx: StorageTransaction,
  records: NumberedRecord[],
  base: BaseDocument | undefined,
  newClientId: () => number,
): Promise<{ records: NumberedRecord[]; base: BaseDocument | undefined }> {
  const seqs = new Set(records.map(({ seq }) => seq));
  const isOrphan = ({ record }: NumberedRecord) => record.group !== null && !seqs.has(record.group);
  if (!records.some(isOrphan)) return { records, base };
  const mended = records.map((one) => (isOrphan(one) ? unmint(one, true) : one));
  const own = { ...(base ?? emptyBase()), clientId: newClientId() };
  await putRecords(
    tx,
    mended.filter((_, index) => isOrphan(records[index]!)),
  );
  await writeBase(tx, mended[0]!.record.document, own);
  return { records: mended, base: own };
}
