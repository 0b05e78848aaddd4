import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import type { RowFields } from "../../shared/operations.js";
import { intact, seal, type Sealed } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";

/** What the server is known to have of a document; `row` is null when its generation has ended. */
export type BaseRow = {
  generation: number;
  row: RowFields | null;
  /** The generation that an insert from here named, and what was made on it, when it went into this one. */
  insertedAs?: number;
};

/** A row as it is stored, in this order (C8); `json` is null where `row` is. */
type EncodedRow = [document: string, generation: number, json: string | null, insertedAs?: number];

/** Rows that were written together. */
export type Segment = [document: string, row: BaseRow][];

function encodeSegment(rows: Iterable<[string, BaseRow]>): Sealed {
  return seal([...rows].map(([document, row]) => encodeRow(document, row)));
}

/**
 * @returns null when it is damaged: then none of its rows can be trusted.
 * @throws {ReplicateError} `NEWER_DATA`
 */
export function decodeSegment(stored: unknown): Segment | null {
  const rows = intact<EncodedRow[]>(stored);
  if (rows === undefined) return null;
  try {
    return rows.map((row) => [row[0], decodeRow(row)]);
  } catch {
    return null;
  }
}

export function encodeRow(document: string, { generation, row, insertedAs }: BaseRow): EncodedRow {
  const json = row && JSON.stringify(convexToJson(row));
  return insertedAs === undefined
    ? [document, generation, json]
    : [document, generation, json, insertedAs];
}

export function decodeRow([, generation, json, insertedAs]: EncodedRow): BaseRow {
  const name = insertedAs === undefined ? {} : { insertedAs };
  if (json === null) return { generation, row: null, ...name };
  const parsed = JSON.parse(json) as JSONValue;
  // Only int64, bytes and special floats are written as `{"$…": …}`; most rows have none.
  const row = json.includes('"$') ? jsonToConvex(parsed) : parsed;
  return { generation, row: row as RowFields, ...name };
}

/** Base rows that changed, and the key of the segment that holds them. */
export type RowChanges = {
  rows: Map<string, BaseRow>;
  segment: number | null;
  /** What other tabs stored before that segment, and the caller has not seen. */
  missed: [key: number, Segment][];
  /** Keys of those among them whose rows cannot be trusted: they have to be rebuilt. */
  damagedSegments: number[];
};

/** Segments after a key, and the keys of those that are damaged. */
export async function readSegments(
  tx: StorageTransaction,
  after: number,
): Promise<{ segments: [number, Segment][]; damagedSegments: number[] }> {
  const segments: [number, Segment][] = [];
  const damagedSegments: number[] = [];
  for (const [key, stored] of (await tx.getAll("rows", after)) as [number, unknown][]) {
    const segment = decodeSegment(stored);
    if (segment) segments.push([key, segment]);
    else damagedSegments.push(key);
  }
  return { segments, damagedSegments };
}

/** @param lastSegment The newest segment that the caller knows. */
export async function addSegment(
  tx: StorageTransaction,
  rows: Map<string, BaseRow>,
  lastSegment: number,
): Promise<RowChanges> {
  // Also when there is nothing to add: what an answer settles, another tab may have added before.
  const { segments: missed, damagedSegments } = await readSegments(tx, lastSegment);
  const segment = rows.size === 0 ? null : await tx.add("rows", encodeSegment(rows));
  return { rows, segment, missed, damagedSegments };
}

/** Adds those rows that nothing newer replaces, and drops the segments that they were in. */
export async function moveRows(
  tx: StorageTransaction,
  rows: ReadonlyMap<string, BaseRow>,
  from: readonly number[],
  lastSegment: number,
): Promise<RowChanges> {
  const { segments: missed, damagedSegments } = await readSegments(tx, lastSegment);
  const newer = new Set(missed.flatMap(([, segment]) => segment.map(([document]) => document)));
  const moved = new Map([...rows].filter(([document]) => !newer.has(document)));
  await Promise.all(from.map((key) => tx.delete("rows", key)));
  const { segment } = await addSegment(tx, moved, Infinity);
  return { rows: moved, segment, missed, damagedSegments };
}
