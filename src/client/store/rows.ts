import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import type { RowFields } from "../../shared/operations.js";
import { intact, seal, type Sealed } from "../storage/sealed.js";

/** What the server is known to have of a document; `row` is null when its generation has ended. */
export type BaseRow = {
  generation: number;
  row: RowFields | null;
  /** The generation that an insert from here named, and what was made on it, when it went into this one. */
  insertedAs?: number;
};

/** A row as it is stored: `[document, generation, row as JSON or null]` (C8), and rarely what named it. */
export type StoredRow = [
  document: string,
  generation: number,
  json: string | null,
  insertedAs?: number,
];

/** Rows that were written together. */
export type Segment = [document: string, row: BaseRow][];

export function encodeSegment(rows: Iterable<[string, BaseRow]>): Sealed {
  return seal([...rows].map(([document, row]) => encodeRow(document, row)));
}

/**
 * @returns null when it is damaged: then none of its rows can be trusted.
 * @throws {ReplicateError} `NEWER_DATA`
 */
export function decodeSegment(stored: unknown): Segment | null {
  const rows = intact<StoredRow[]>(stored);
  if (rows === undefined) return null;
  try {
    return rows.map((row) => [row[0], decodeRow(row)]);
  } catch {
    return null;
  }
}

export function encodeRow(document: string, { generation, row, insertedAs }: BaseRow): StoredRow {
  const json = row && JSON.stringify(convexToJson(row));
  return insertedAs === undefined
    ? [document, generation, json]
    : [document, generation, json, insertedAs];
}

export function decodeRow([, generation, json, insertedAs]: StoredRow): BaseRow {
  const name = insertedAs === undefined ? {} : { insertedAs };
  if (json === null) return { generation, row: null, ...name };
  const parsed = JSON.parse(json) as JSONValue;
  // Only int64, bytes and special floats are written as `{"$…": …}`; most rows have none.
  const row = json.includes('"$') ? jsonToConvex(parsed) : parsed;
  return { generation, row: row as RowFields, ...name };
}
