import { createRequire } from "node:module";
import type BTree from "sorted-btree";

// CommonJS with a `default`: module runners disagree on what `import` makes of it.
const { default: BTreeClass } = createRequire(import.meta.url)("sorted-btree") as {
  default: typeof BTree;
};

/** In the plain order of its keys. Clones take constant time and share what neither changes. */
export type SortedMap<K extends string, V> = BTree<K, V>;

const byKey = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function createSortedMap<K extends string, V>(): SortedMap<K, V> {
  return new BTreeClass<K, V>(undefined, byKey);
}
