import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import type { RowFields } from "../shared/operations.js";
import type { BaseRow } from "./view.js";

/** Rows written together: `[document, generation, row as JSON or null]` (C8). */
export type Segment = [document: string, generation: number, json: string | null][];

export function encodeRow(document: string, { generation, row }: BaseRow): Segment[number] {
  return [document, generation, row && JSON.stringify(convexToJson(row))];
}

export function decodeRow([, generation, json]: Segment[number]): BaseRow {
  if (json === null) return { generation, row: null };
  const parsed = JSON.parse(json) as JSONValue;
  // Only int64, bytes and special floats are written as `{"$…": …}`; most rows have none.
  const row = json.includes('"$') ? jsonToConvex(parsed) : parsed;
  return { generation, row: row as RowFields };
}
