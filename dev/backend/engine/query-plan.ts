import type { JSONValue } from "convex/values";
import { compileFilter, readLiteral } from "./filter.js";
import { encodeKey, endOfPrefix } from "./index-key.js";
import type { Interval } from "./interval.js";
import { BY_CREATION_TIME, type IndexDefinition } from "./table.js";
import type { Value } from "convex/values";

/** A query as `convex/server` hands it to the backend. */
export interface SerializedQuery {
  source:
    | { type: "FullTableScan"; tableName: string; order: Order | null }
    | { type: "IndexRange"; indexName: string; range: RangeExpression[]; order: Order | null }
    | { type: "Search"; indexName: string };
  operators: ({ filter: JSONValue } | { limit: number })[];
}

export type Order = "asc" | "desc";

interface RangeExpression {
  type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte";
  fieldPath: string;
  value: JSONValue;
}

export type Operator =
  { type: "filter"; keeps: (document: Value) => boolean } | { type: "limit"; count: number };

/** Which rows of which index, in which order, and what is done to them. */
export interface QueryPlan {
  table: string;
  index: string;
  interval: Interval;
  order: Order;
  operators: Operator[];
}

export function planQuery(
  query: SerializedQuery,
  definitionOf: (table: string, index: string) => IndexDefinition | undefined,
): QueryPlan {
  const { source } = query;
  const operators = query.operators.map(toOperator);
  if (source.type === "Search") {
    throw new Error("Search indexes are not supported by the embedded backend.");
  }
  if (source.type === "FullTableScan") {
    const { tableName: table, order } = source;
    const interval = { from: "", to: endOfPrefix("") };
    return { table, index: BY_CREATION_TIME, interval, order: order ?? "asc", operators };
  }
  const [table = "", index = ""] = source.indexName.split(".");
  const definition = definitionOf(table, index);
  if (definition === undefined) {
    throw new Error(
      `Cannot use index "${index}" for table "${table}" because it is not declared in the schema.`,
    );
  }
  const interval = rangeToInterval(source.range, definition.fields);
  return { table, index, interval, order: source.order ?? "asc", operators };
}

/**
 * First `eq` on the index's leading fields, then at most one lower and one upper bound on the next
 * field.
 */
function rangeToInterval(range: RangeExpression[], fields: readonly string[]): Interval {
  const equal: (Value | undefined)[] = [];
  for (const [i, { type, fieldPath, value }] of range.entries()) {
    if (type !== "Eq") break;
    if (fieldPath !== fields[i]) {
      throw new Error(
        `Incorrect field used in \`withIndex\`, expected "${fields[i]}", got "${fieldPath}"`,
      );
    }
    equal.push(readLiteral(value));
  }
  const prefix = encodeKey(equal);
  const interval = { from: prefix, to: endOfPrefix(prefix) };
  const bounds = range.slice(equal.length);
  checkBounds(bounds, fields[equal.length]);
  for (const { type, value } of bounds) {
    const key = prefix + encodeKey([readLiteral(value)]);
    if (type === "Gt") interval.from = endOfPrefix(key);
    if (type === "Gte") interval.from = key;
    if (type === "Lt") interval.to = key;
    if (type === "Lte") interval.to = endOfPrefix(key);
  }
  return interval;
}

function checkBounds(bounds: RangeExpression[], field: string | undefined): void {
  const seen = new Set<"lower" | "upper">();
  for (const { type, fieldPath } of bounds) {
    const method = type.toLowerCase();
    if (type === "Eq") {
      throw new Error(
        `Incorrect operator used in \`withIndex\`, cannot chain \`.eq()\` after a bound`,
      );
    }
    if (fieldPath !== field) {
      throw new Error(
        `Incorrect field used in \`withIndex\`, expected "${field}", got "${fieldPath}"`,
      );
    }
    const side = type.startsWith("G") ? "lower" : "upper";
    if (seen.has(side)) {
      throw new Error(
        `Incorrect operator used in \`withIndex\`, cannot chain \`.${method}()\` after another ${side} bound`,
      );
    }
    seen.add(side);
  }
}

function toOperator(operator: SerializedQuery["operators"][number]): Operator {
  return "filter" in operator
    ? { type: "filter", keeps: compileFilter(operator.filter) }
    : { type: "limit", count: operator.limit };
}
