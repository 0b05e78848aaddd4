import { v, type Infer } from "convex/values";

/** What statistics tell of a scope; of a change, what it added less what it took away. */
export const totals = v.object({
  /** Documents that are there now. */
  documents: v.number(),
  /** Entries of the log: updates, snapshots and tombstones. */
  entries: v.number(),
  /** Bytes of those entries, without keys and indexes. */
  bytes: v.number(),
});
export type Totals = Infer<typeof totals>;

export const NOTHING: Totals = { documents: 0, entries: 0, bytes: 0 };

export function plus(...all: readonly Totals[]): Totals {
  const sum = { ...NOTHING };
  for (const { documents, entries, bytes } of all) {
    sum.documents += documents;
    sum.entries += entries;
    sum.bytes += bytes;
  }
  return sum;
}

export function minus(a: Totals, b: Totals): Totals {
  return {
    documents: a.documents - b.documents,
    entries: a.entries - b.entries,
    bytes: a.bytes - b.bytes,
  };
}

export function isNothing({ documents, entries, bytes }: Totals): boolean {
  return documents === 0 && entries === 0 && bytes === 0;
}
