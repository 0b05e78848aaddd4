import { emptyBase } from "./base.js";
import { DAMAGED } from "./damaged.js";
import { corruptOutbox, type StoredRecord } from "./records.js";
import { addRecord, readBase, unsealRecord } from "./stored.js";
import { decodeOperations } from "../../shared/operations.js";
import type { StorageTransaction } from "../storage/storage.js";

// What the user decides about records that wait for them; inside a transaction of ReplicaStore.

/** @returns whether it was there to retry; what a newer version of the app stored is not. */
export async function retryRecord(tx: StorageTransaction, seq: number): Promise<boolean> {
  const stored = await tx.get("outbox", seq);
  if (stored === undefined) return false;
  const unsealed = unsealRecord(stored);
  if (unsealed.kind === "damaged") throw corruptOutbox();
  if (unsealed.kind === "newer" || !unsealed.value.rejected) return false;
  if (saysNothing(unsealed.value)) throw corruptOutbox();
  const generation = await currentGeneration(tx, unsealed.value);
  await tx.delete("outbox", seq);
  await addRecord(tx, { ...unsealed.value, generation, rejected: null });
  return true;
}

/** What could not be read on a disk that was lost since: it came to this one without its operations. */
function saysNothing({ kind, operations }: StoredRecord): boolean {
  return kind !== "remove" && decodeOperations(operations).size === 0;
}

/** @returns whether it was there to discard; what a newer version of the app stored is not. */
export async function discardRecord(tx: StorageTransaction, seq: number): Promise<boolean> {
  const stored = await tx.get("outbox", seq);
  if (stored === undefined) return false;
  const unsealed = unsealRecord(stored);
  if (unsealed.kind === "newer") return false;
  if (unsealed.kind === "intact" && !unsealed.value.rejected) return false;
  await tx.delete("outbox", seq);
  return true;
}

/** The generation of its document that a change would be made in now. */
async function currentGeneration(
  tx: StorageTransaction,
  { document, kind, generation }: StoredRecord,
): Promise<number> {
  const stored = await readBase(tx, document);
  const base = stored === undefined || stored === DAMAGED ? emptyBase() : stored;
  if (base.live) return base.generation;
  if (kind === "insert") return base.generation + 1;
  // An edit goes where an insert that waits goes, e.g. one that was retried just before it.
  const insert = (await tx.getAll("outbox")).flatMap(([, stored]) => {
    const other = unsealRecord(stored);
    if (other.kind !== "intact" || other.value.document !== document) return [];
    return other.value.kind === "insert" && !other.value.rejected ? [other.value] : [];
  });
  // Of a damaged document, or one that is not loaded yet, nothing is known but the change's own generation.
  return insert.at(-1)?.generation ?? (base.generation || generation);
}
