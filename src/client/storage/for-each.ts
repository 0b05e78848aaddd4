import type { StorageTransaction, StoreName } from "./storage.js";

/** Values read at once; memory holds no more of them at a time. */
const BATCH = 500;

/** Does something with every value of a store, in the order of their keys. */
export async function forEach(
  tx: StorageTransaction,
  store: StoreName,
  work: (key: string | number, value: unknown) => unknown,
) {
  for (let after: string | number | undefined; ;) {
    const batch = await tx.getAll(store, after, BATCH);
    await Promise.all(batch.map(([key, value]) => work(key, value)));
    if (batch.length < BATCH) return;
    after = batch.at(-1)![0];
  }
}
