import type { GenericDatabaseReader, GenericDatabaseWriter, GenericDataModel } from "convex/server";
import type { GenericId, Value } from "convex/values";
import { ReplicateError } from "../shared/errors.js";
import type { RowFields } from "../shared/operations.js";

/** The app's row of a document; columns that are not fields are private and stay as they are. */
export type StoredRow = RowFields & { _id: GenericId<string>; version: number };

type Reader = GenericDatabaseReader<GenericDataModel>;
type Writer = GenericDatabaseWriter<GenericDataModel>;

export async function findRow(db: Reader, table: string, id: string): Promise<StoredRow | null> {
  const row: unknown = await onReplicated(table, () =>
    db
      .query(table)
      .withIndex(BY_DOC_ID, (q) => q.eq("id", id))
      .first(),
  );
  return row as StoredRow | null;
}

/** The index that `replicatedTable()` adds. */
export const BY_DOC_ID = "by_doc_id";

/**
 * Reads a table by {@link BY_DOC_ID}. Where there is no such index Convex names it, which says nothing to
 * someone who has only misspelt a table.
 */
export async function onReplicated<T>(table: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error && error.message.includes(BY_DOC_ID))) throw error;
    throw new ReplicateError(
      "INVALID_OPTIONS",
      `The table \`${table}\` cannot be replicated. Is \`${table}\` made with replicatedTable() in schema.ts?`,
      { cause: error },
    );
  }
}

/** The replicated fields of a row, and nothing private. */
export function fieldsOfRow(row: RowFields, names: readonly string[]): RowFields {
  const fields: RowFields = {};
  for (const name of names) {
    const value = ownValue(row, name);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

/** A field may be called `toString`, which every object inherits. */
function ownValue(row: RowFields, name: string): Value | undefined {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}

export async function insertRow(db: Writer, table: string, id: string, next: RowFields) {
  await db.insert(table, { ...next, id, version: 1, timestamp: Date.now() });
}

export async function updateRow(
  db: Writer,
  stored: StoredRow,
  names: readonly string[],
  next: RowFields,
) {
  const fields = Object.fromEntries(names.map((name) => [name, ownValue(next, name)]));
  await db.patch(stored._id, { ...fields, version: stored.version + 1, timestamp: Date.now() });
}
