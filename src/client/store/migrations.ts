import { forEach } from "../storage/for-each.js";
import { seal } from "../storage/sealed.js";
import type { OpenOptions, StorageTransaction } from "../storage/storage.js";

/** Brings everything that is stored from one version to the next. */
type Migration = (tx: StorageTransaction) => Promise<void>;

/**
 * Migrations of local data, the first one from version 1 to 2; a new one goes to the end. Needed
 * for whatever an older package could not read: its open pages let go of the storage, and say
 * `NEWER_DATA`. A new kind of outbox record alone only needs a new `FORMAT` (see `sealed.ts`).
 */
const MIGRATIONS: readonly Migration[] = [sealEverything, sealWhose];

/** How to open a storage so that it holds what this package reads. */
export const CURRENT_DATA: Required<Pick<OpenOptions, "version" | "upgrade">> = {
  version: MIGRATIONS.length + 1,
  async upgrade(tx, from) {
    for (const migrate of MIGRATIONS.slice(from - 1)) await migrate(tx);
  },
};

/** 1 -> 2: documents, rows, outbox and position carry checksums, the position its round as well. */
async function sealEverything(tx: StorageTransaction) {
  const sync = await tx.get("meta", "sync");
  if (sync) await tx.put("meta", "sync", seal({ ...sync, round: 0 }));
  for (const store of ["documents", "rows", "outbox"] as const) {
    await forEach(tx, store, (key, value) => tx.put(store, key, seal(value)));
  }
}

/** 2 -> 3: whose the data is, and which device's, carry checksums as well. */
async function sealWhose(tx: StorageTransaction) {
  for (const key of ["owner", "device"]) {
    const stored = await tx.get("meta", key);
    if (stored !== undefined) await tx.put("meta", key, seal(stored));
  }
}
