import type { StorageKey, StorageTransaction, StoreName } from "./storage.js";

/** Everything that a storage in memory holds at one moment. */
export type Image = {
  readonly stores: ReadonlyMap<StoreName, ReadonlyMap<StorageKey, unknown>>;
  /** Of all numbered stores, so that no key is ever used twice. */
  readonly lastKey: number;
};

export const NOTHING_STORED: Image = { stores: new Map(), lastKey: 0 };

/**
 * A transaction on an image, which stays as it is: it copies the stores that it changes, and every
 * value both ways, as IndexedDB does.
 */
export class MemoryTransaction implements StorageTransaction {
  readonly #before: Image;
  readonly #copy: (value: unknown) => unknown;
  readonly #changed = new Map<StoreName, Map<StorageKey, unknown>>();
  #lastKey: number;

  constructor(before: Image, copy: (value: unknown) => unknown) {
    this.#before = before;
    this.#copy = copy;
    this.#lastKey = before.lastKey;
  }

  /** What there is once it is committed. */
  image(): Image {
    return {
      stores: new Map([...this.#before.stores, ...this.#changed]),
      lastKey: this.#lastKey,
    };
  }

  async get(store: StoreName, key: StorageKey) {
    return this.#copy(this.#read(store).get(key));
  }

  async getAll(
    store: StoreName,
    after?: StorageKey,
    limit?: number,
  ): Promise<[StorageKey, unknown][]> {
    return [...this.#read(store)]
      .filter(([key]) => after === undefined || key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, value]): [StorageKey, unknown] => [key, this.#copy(value)]);
  }

  async put(store: StoreName, key: StorageKey, value: unknown) {
    this.#write(store).set(key, this.#copy(value));
  }

  async add(store: StoreName, value: unknown) {
    const key = ++this.#lastKey;
    await this.put(store, key, value);
    return key;
  }

  async delete(store: StoreName, key: StorageKey) {
    this.#write(store).delete(key);
  }

  async clear(store: StoreName) {
    this.#write(store).clear();
  }

  #read(store: StoreName): ReadonlyMap<StorageKey, unknown> {
    return this.#changed.get(store) ?? this.#before.stores.get(store) ?? new Map();
  }

  #write(store: StoreName): Map<StorageKey, unknown> {
    const changed = this.#changed.get(store) ?? new Map(this.#before.stores.get(store));
    this.#changed.set(store, changed);
    return changed;
  }
}
