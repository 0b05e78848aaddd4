import { toStored, type OutboxRecord } from "./records.js";
import { addRecord } from "./stored.js";
import type { StorageTransaction } from "../storage/storage.js";
import { META } from "../storage/meta-keys.js";

// Imports that are done once; inside a transaction of ReplicaStore.

export async function hasImported(tx: StorageTransaction, name: string): Promise<boolean> {
  return (await readImports(tx)).includes(name);
}

/** Stores changes that come from elsewhere, together with the mark that they have come. */
export async function importRecords(
  tx: StorageTransaction,
  name: string,
  records: readonly OutboxRecord[],
): Promise<boolean> {
  const done = await readImports(tx);
  if (done.includes(name)) return false;
  await tx.put("meta", META.imports, [...done, name]);
  await Promise.all(records.map((record) => addRecord(tx, toStored(record))));
  return true;
}

/** Where it was damaged no import is known to be done, and those that the app asks for come once more. */
async function readImports(tx: StorageTransaction): Promise<string[]> {
  const stored = await tx.get("meta", META.imports);
  return Array.isArray(stored) ? stored.filter((name) => typeof name === "string") : [];
}
