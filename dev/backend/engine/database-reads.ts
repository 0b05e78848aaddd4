import { convexToJson } from "convex/values";
import { componentAt } from "./context.js";
import type { Execution } from "./execution.js";
import { isIdOf } from "./ids.js";
import { planQuery, type QueryPlan, type SerializedQuery } from "./query-plan.js";
import { Scan } from "./scan.js";
import type { SyncSyscall } from "./syscalls.js";
import type { Transaction } from "./transaction.js";

/** What `convex/server` asks without waiting. */
export const databaseReads: Record<string, SyncSyscall> = {
  "1.0/queryStream": (execution, { query }: { query: SerializedQuery }) => {
    const queryId = execution.scans.size + 1;
    const plan = planFor(execution, query);
    execution.scans.set(queryId, new Scan(transactionOf(execution), execution.component, plan));
    return JSON.stringify({ queryId });
  },

  // The read set keeps what was read; nothing else is held.
  "1.0/queryCleanup": () => "{}",

  "1.0/db/normalizeId": (_execution, { table, idString }: { table: string; idString: string }) =>
    JSON.stringify({ id: isIdOf(table, idString) ? idString : null }),

  "1.0/getSnapshotTs": (execution) => {
    execution.observations.time = true;
    return JSON.stringify(convexToJson(transactionOf(execution).snapshot.ts));
  },
};

export function planFor(execution: Execution, query: SerializedQuery): QueryPlan {
  const component = componentAt(execution.context, execution.component);
  return planQuery(query, (table, index) => component.indexOf(table, index));
}

export function transactionOf(execution: Execution): Transaction {
  if (execution.transaction !== null) return execution.transaction;
  throw new Error("Only queries and mutations have access to the database.");
}
