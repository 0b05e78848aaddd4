import type { FieldTree } from "../../shared/field-tree.js";
import type { Change, Sender } from "../../shared/wire.js";
import { emptyBase, endGeneration, type BaseDocument } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { Device } from "./device.js";
import { followInsert, mint, withBytes, type Minted, type NumberedRecord } from "./mint.js";
import { repairGroup, markDamaged, readDamaged } from "./repair.js";
import { claimsOf } from "./records.js";
import { reject, REMOVED } from "./settle.js";
import type { StorageTransaction } from "../storage/storage.js";
import { deleteRecords, putRecords, readBase, readRecords, readSyncPoint } from "./stored.js";

/** A change that is on disk exactly as it goes out, and the records it stands for. */
export type Outgoing = { change: Change; seqs: number[]; sender: Sender };

/**
 * Makes, and stores, the bytes to send for these documents, given with the places of their records;
 * inside a transaction of ReplicaStore. All documents at once: one after the other, each would wait
 * for the disk several times.
 *
 * @param lastRecord The caller knows every record up to this one; of later ones perhaps only its own.
 */
export async function mintDocuments(
  tx: StorageTransaction,
  documents: ReadonlyMap<string, number[]>,
  device: Device,
  tree: FieldTree,
  lastRecord: number,
): Promise<Outgoing[]> {
  const { reset, complete } = await readSyncPoint(tx);
  if (reset) return []; // nothing is made on what is about to change
  const { clientId, sender } = await device.enter(tx);
  const [known, sentElsewhere] = await Promise.all([
    readDamaged(tx),
    readSentElsewhere(tx, documents, lastRecord),
  ]);
  const newClientId = () => device.newClientId();
  const damaged: string[] = [];
  const minted = await Promise.all(
    [...documents].map(async ([document, seqs]) => {
      const [all, base] = await Promise.all([readRecords(tx, seqs), readBase(tx, document)]);
      const records = all.filter(({ record }) => !record.rejected);
      if (records.length === 0 || known.has(document) || sentElsewhere.has(document)) return null;
      if (base === DAMAGED) {
        damaged.push(document);
        return null;
      }
      const repaired = await repairGroup(tx, records, base, newClientId);
      const outgoing = await mintDocument(tx, repaired, {
        ...{ deviceId: clientId, newClientId, tree },
        isComplete: complete,
      });
      if (outgoing !== DAMAGED) return outgoing;
      damaged.push(document);
      return null;
    }),
  );
  await markDamaged(tx, damaged, newClientId);
  return minted.flatMap((one) => (one ? [{ ...one, sender }] : []));
}

/** Documents with bytes on their way that stand for changes that the caller does not know. */
async function readSentElsewhere(
  tx: StorageTransaction,
  documents: ReadonlyMap<string, number[]>,
  lastRecord: number,
): Promise<ReadonlySet<string>> {
  const later = await tx.getAll("outbox", lastRecord);
  return new Set(
    later.flatMap(([seq, stored]) => {
      const { document, group } = claimsOf(stored); // one that is damaged may have been sent, too
      const known = documents.get(document as string);
      return group != null && known && !known.includes(seq as number) ? [document as string] : [];
    }),
  );
}

type Minting = {
  deviceId: number;
  newClientId: () => number;
  tree: FieldTree;
  /** Whether everything that the server had was here once. */
  isComplete: boolean;
};

/** @returns null when there is nothing to send, because nothing is left or its generation is over. */
async function mintDocument(
  tx: StorageTransaction,
  { records, base }: Awaited<ReturnType<typeof repairGroup>>,
  { deviceId, newClientId, tree, isComplete }: Minting,
): Promise<Omit<Outgoing, "sender"> | null | typeof DAMAGED> {
  await putRecords(tx, followInsert(records, base));
  // An insert builds on nothing, so its clocks start at 0: where this device may have used its
  // own id already, the server would take the insert for something it has (C6).
  const isKnown = base?.live && records[0]!.record.kind === "insert";
  const clientId = isKnown ? newClientId() : (base?.clientId ?? deviceId);
  const known = isComplete ? withoutGenerationsToCome(base, records) : base;
  const minted = orDamaged(() => mint(records, known, clientId, tree));
  if (minted === DAMAGED) return DAMAGED;
  switch (minted.kind) {
    case "send":
      if (minted.fresh) await putRecords(tx, asSent(minted));
      return { change: minted.change, seqs: minted.group.map(({ seq }) => seq) };
    case "cancelled":
      await deleteRecords(tx, minted.group);
      return null;
    case "dead":
      await putRecords(tx, minted.group.map(refuseRemoved));
      return null;
  }
}

/**
 * Everything has been loaded, so a generation that this device does not know never began, e.g. because
 * its insert was refused while an edit of it was being stored. A removal that named it would end it once
 * somebody begins it (S4).
 */
function withoutGenerationsToCome(base: BaseDocument | undefined, [first]: NumberedRecord[]) {
  const { kind, generation } = first!.record;
  if (kind === "insert" || base?.live) return base;
  return endGeneration(base ?? emptyBase(), generation);
}

function asSent({ group, change }: Extract<Minted, { kind: "send" }>): NumberedRecord[] {
  const [part] = change.parts;
  return withBytes(group, part ? new Uint8Array(part.update) : null, change.generation);
}

function refuseRemoved(one: NumberedRecord): NumberedRecord {
  return reject(one, REMOVED);
}
