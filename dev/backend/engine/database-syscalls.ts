import { jsonToConvex, type JSONValue } from "convex/values";
import { componentAt } from "./context.js";
import { planFor, transactionOf } from "./database-reads.js";
import { Documents } from "./documents.js";
import type { Execution } from "./execution.js";
import { readPage, type PageRequest } from "./pagination.js";
import type { SerializedQuery } from "./query-plan.js";
import { Scan } from "./scan.js";
import type { AsyncSyscall } from "./syscalls.js";

interface DocumentArgs {
  table?: string;
  id: unknown;
}

/** `ctx.db`. */
export const databaseSyscalls: Record<string, AsyncSyscall> = {
  "1.0/get": (execution, { table, id }: DocumentArgs) => {
    transactionOf(execution).meter.add("databaseQueries", 1);
    return documents(execution).get(table, id)?.json ?? "null";
  },

  "1.0/queryStreamNext": (execution, { queryId }: { queryId: number }) => {
    const row = execution.scans.get(queryId)!.next();
    return row === null
      ? '{"value":null,"done":true}'
      : `{"value":${row.document.json},"done":false}`;
  },

  "1.0/queryPage": (execution, { query, ...request }: PageRequest & { query: SerializedQuery }) => {
    if (execution.hasPaginated) {
      throw new Error(
        "This query or mutation function ran multiple paginated queries. Convex only supports a single paginated query in each function.",
      );
    }
    execution.hasPaginated = true;
    const { observations } = execution;
    const endCursor = request.endCursor ?? observations.pageEndBefore;
    const plan = planFor(execution, query);
    const { page, ...rest } = readPage(transactionOf(execution), execution.component, plan, {
      ...request,
      endCursor,
    });
    observations.pageEnd = rest.continueCursor;
    return `{"page":[${page.map(({ json }) => json).join()}],${JSON.stringify(rest).slice(1)}`;
  },

  "1.0/count": (execution, { table }: { table: string }) => {
    const source = { type: "FullTableScan", tableName: table, order: null } as const;
    const plan = planFor(execution, { source, operators: [] });
    const scan = new Scan(transactionOf(execution), execution.component, plan);
    let count = 0;
    while (scan.next() !== null) count += 1;
    return JSON.stringify(count);
  },

  "1.0/insert": (execution, { table, value }: { table: string; value: JSONValue }) =>
    JSON.stringify({ _id: writable(execution).insert(table, jsonToConvex(value)) }),

  "1.0/shallowMerge": (
    execution,
    { table, id, value }: DocumentArgs & { value: Record<string, JSONValue> },
  ) => {
    writable(execution).patch(table, id, value);
    return "{}";
  },

  "1.0/replace": (execution, { table, id, value }: DocumentArgs & { value: JSONValue }) => {
    writable(execution).replace(table, id, jsonToConvex(value));
    return "{}";
  },

  "1.0/remove": (execution, { table, id }: DocumentArgs) => {
    writable(execution).delete(table, id);
    return "{}";
  },
};

function documents(execution: Execution): Documents {
  const component = componentAt(execution.context, execution.component);
  return new Documents(execution.context, component, transactionOf(execution));
}

function writable(execution: Execution): Documents {
  if (execution.kind !== "mutation") throw new Error("Only mutations can write.");
  return documents(execution);
}
