import { ReplicateError } from "../../shared/errors.js";
import { STORES, type StorageConnection, type StorageTransaction } from "../storage/storage.js";
import { META } from "../storage/meta-keys.js";

/** What `meta` holds for the storage itself, which goes on, and what must not be imported again. */
const KEPT_KEYS = new Set<unknown>([META.timesCleared, META.storeId, META.imports]);

/** A connection whose data can be deleted, after which every other one to it refuses to go on. */
export type ClearableConnection = StorageConnection & {
  /**
   * Deletes everything.
   *
   * @returns false when changes wait in the outbox, unless forced; then nothing happened.
   */
  clear(options: { force: boolean }): Promise<boolean>;
};

/**
 * Binds a connection to the data there is now. What another tab knows of it (positions, rows, what it
 * was about to store) is wrong once it was deleted, and a tab that was frozen finds out only here.
 */
export function clearable(connection: StorageConnection): ClearableConnection {
  let known: number | null = null;
  const check = async (tx: StorageTransaction) => {
    const cleared = await timesCleared(tx);
    known ??= cleared;
    if (cleared !== known) throw new ReplicateError("DATA_CLEARED", "The local data was deleted.");
  };
  return {
    ...(connection.storeId !== undefined && { storeId: connection.storeId }),
    ...(connection.evicted !== undefined && { evicted: connection.evicted }),
    ...(connection.persisted && { persisted: (options) => connection.persisted!(options) }),
    close: () => connection.close(),
    transaction: (mode, stores, body) =>
      connection.transaction(mode, [...new Set([...stores, "meta" as const])], async (tx) => {
        await check(tx);
        return body(tx);
      }),
    clear: ({ force }) =>
      connection.transaction("durable", STORES, async (tx) => {
        await check(tx);
        if (!force && (await tx.getAll("outbox", undefined, 1)).length > 0) return false;
        const meta = await tx.getAll("meta");
        const gone = meta.filter(([key]) => !KEPT_KEYS.has(key));
        await Promise.all([
          ...STORES.filter((store) => store !== "meta").map((store) => tx.clear(store)),
          ...gone.map(([key]) => tx.delete("meta", key)),
          tx.put("meta", META.timesCleared, (await timesCleared(tx)) + 1),
        ]);
        return true;
      }),
  };
}

/** What was damaged counts as none: it need not even equal itself, and every session would end at once. */
async function timesCleared(tx: StorageTransaction): Promise<number> {
  const stored = await tx.get("meta", META.timesCleared);
  return Number.isSafeInteger(stored) ? (stored as number) : 0;
}
