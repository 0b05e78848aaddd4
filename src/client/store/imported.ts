import { toStored, type OutboxRecord } from "./records.js";
import { addRecord } from "./stored.js";
import type { StorageTransaction } from "../storage/storage.js";

// Imports that are done once; inside a transaction of ReplicaStore.

/** Where `meta` lists the imports that have been done. */
const IMPORTS_KEY = "imports";

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
  await tx.put("meta", IMPORTS_KEY, [...done, name]);
  await Promise.all(records.map((record) => addRecord(tx, toStored(record))));
  return true;
}

/** Where it was damaged no import is known to be done, and those that the app asks for come once more. */
async function readImports(tx: StorageTransaction): Promise<string[]> {
  const stored = await tx.get("meta", IMPORTS_KEY);
  return Array.isArray(stored) ? stored.filter((name) => typeof name === "string") : [];
}
