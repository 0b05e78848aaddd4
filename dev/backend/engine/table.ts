import { fieldAt, type StoredDocument } from "./document.js";
import { encodeKey, type IndexKey } from "./index-key.js";
import { createSortedMap, type SortedMap } from "./sorted-map.js";

export interface IndexDefinition {
  name: string;
  /** Dotted paths, system fields included: they end in `_creationTime`, `_id`. */
  fields: readonly string[];
}

export const BY_ID = "by_id";
export const BY_CREATION_TIME = "by_creation_time";

/** One index: its definition and the rows in its order. */
class Index {
  readonly #paths: readonly (readonly string[])[];

  constructor(
    readonly definition: IndexDefinition,
    readonly rows: SortedMap<IndexKey, StoredDocument> = createSortedMap(),
  ) {
    this.#paths = definition.fields.map((field) => field.split("."));
  }

  keyOf({ value }: StoredDocument): IndexKey {
    return encodeKey(this.#paths.map((path) => fieldAt(value, path)));
  }

  /** Takes constant time: both share their nodes until one of them changes. */
  clone(): Index {
    return new Index(this.definition, this.rows.clone());
  }
}

/** The documents of one table, in all its indexes. */
export class Table {
  private constructor(readonly indexes: ReadonlyMap<string, Index>) {}

  static create(declared: readonly IndexDefinition[]): Table {
    const definitions = [
      { name: BY_ID, fields: ["_id"] },
      { name: BY_CREATION_TIME, fields: ["_creationTime", "_id"] },
      ...declared,
    ];
    return new Table(new Map(definitions.map((index) => [index.name, new Index(index)])));
  }

  clone(): Table {
    return new Table(new Map([...this.indexes].map(([name, index]) => [name, index.clone()])));
  }

  get size(): number {
    return this.byId.rows.size;
  }

  get byId(): Index {
    return this.indexes.get(BY_ID)!;
  }

  get(id: string): StoredDocument | undefined {
    return this.byId.rows.get(encodeKey([id]));
  }

  documents(): IterableIterator<StoredDocument> {
    return this.byId.rows.values();
  }

  /** Replaces what was stored as `before`. Returns the keys that changed, by index. */
  write(
    before: StoredDocument | undefined,
    after: StoredDocument | null,
  ): Map<string, readonly IndexKey[]> {
    const changed = new Map<string, readonly IndexKey[]>();
    for (const [name, index] of this.indexes) {
      const oldKey = before && index.keyOf(before);
      const newKey = after === null ? undefined : index.keyOf(after);
      if (oldKey !== undefined && oldKey !== newKey) index.rows.delete(oldKey);
      if (newKey !== undefined) index.rows.set(newKey, after!);
      changed.set(name, distinct(oldKey, newKey));
    }
    return changed;
  }
}

function distinct(oldKey: IndexKey | undefined, newKey: IndexKey | undefined): IndexKey[] {
  if (oldKey === undefined) return newKey === undefined ? [] : [newKey];
  return newKey === undefined || newKey === oldKey ? [oldKey] : [oldKey, newKey];
}
