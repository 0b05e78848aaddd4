import { openDB } from "idb";
import * as Y from "yjs";
import type { ReplicateUtils } from "./collection.js";
import type { ImportResult } from "./imports.js";
import { fromCrdtValue } from "../shared/values.js";

/** Where y-indexeddb keeps the updates of a document. */
const UPDATES_STORE = "updates";

export interface YIndexeddbImport<R extends object> {
  /** The collection that takes the documents over. */
  collection: { utils: Pick<ReplicateUtils<R>, "importOnce"> };
  /** The document's id in the collection, from the database's name; null for any other database. */
  idOf: (database: string) => string | null;
  /** Databases to look at; by default all of this origin, where the browser can list them. */
  databases?: readonly string[];
  /** Name of the root `Y.Map` that holds the fields; `"fields"` by default. */
  map?: string;
  /**
   * The row of a document, without its id, or null to leave it out. By default the fields as they are,
   * bytes as `ArrayBuffer`; a document without any is left out.
   */
  row?: (fields: Record<string, unknown>, document: { id: string; doc: Y.Doc }) => object | null;
  /** Name of the import: one that was done is not done again. `"y-indexeddb"` by default. */
  name?: string;
}

/**
 * Takes over documents that `y-indexeddb` keeps on this device, one `Y.Doc` each, e.g. when an app
 * moves to this package with changes that no server has. Call it at every start: it does its work
 * once, and reads nothing after that. The databases stay as they are; delete them when you like.
 *
 * @example
 * ```ts
 * await importFromYIndexeddb({
 *   collection: tasks,
 *   idOf: (database) => (database.startsWith("tasks:") ? database.slice(6) : null),
 * });
 * ```
 */
export function importFromYIndexeddb<R extends object>(
  options: YIndexeddbImport<R>,
): Promise<ImportResult> {
  const { collection, databases, idOf, map = "fields", row = plainRow } = options;
  return collection.utils.importOnce(options.name ?? "y-indexeddb", async () => {
    const rows: R[] = [];
    for (const database of databases ?? (await allDatabases())) {
      const id = idOf(database);
      const doc = id === null ? null : await readDocument(database);
      if (id === null || doc === null) continue;
      const made = row(doc.getMap(map).toJSON(), { id, doc });
      doc.destroy();
      if (made) rows.push({ ...made, id } as unknown as R);
    }
    return rows;
  });
}

async function allDatabases(): Promise<string[]> {
  return (await indexedDB.databases()).flatMap(({ name }) => name ?? []);
}

/** @returns null when there is no such database, or it is not one of y-indexeddb's. */
async function readDocument(name: string): Promise<Y.Doc | null> {
  const database = await openExisting(name);
  if (database === null) return null;
  try {
    if (!database.objectStoreNames.contains(UPDATES_STORE)) return null;
    const updates = (await database.getAll(UPDATES_STORE)) as Uint8Array[];
    const doc = new Y.Doc();
    for (const update of updates) Y.applyUpdate(doc, update);
    return doc;
  } finally {
    database.close();
  }
}

/** Opens a database without making one. */
async function openExisting(name: string) {
  let exists = true;
  try {
    return await openDB(name, undefined, {
      upgrade(_db, _from, _to, tx) {
        exists = false;
        tx.done.catch(() => undefined);
        tx.abort();
      },
    });
  } catch (error) {
    if (!exists) return null;
    throw error;
  }
}

function plainRow(fields: Record<string, unknown>): object | null {
  return Object.keys(fields).length > 0 ? (fromCrdtValue(fields) as object) : null;
}
