import { count, eq, useLiveQuery } from "@tanstack/react-db";
import type { Status, Task } from "../../convex/fields.js";
import { matches, type Filter } from "../filter/filter.js";
import { tasks } from "../store.js";

/** The tasks of one column that pass the filter, in their order; ties are broken by id on every device. */
export function useColumn(status: Status, filter: Filter): Task[] {
  const { data } = useLiveQuery({
    queryKey: ["column", status, filter.text, filter.priority, filter.label],
    query: (q) =>
      q
        .from({ task: tasks })
        .where(({ task }) => eq(task.status, status))
        .fn.where(({ task }) => matches(task, filter))
        .orderBy(({ task }) => task.position)
        .orderBy(({ task }) => task.id),
  });
  return data;
}

/** How many tasks each column holds, whatever the filter. */
export function useTotals(): Record<Status, number> {
  const { data } = useLiveQuery({
    query: (q) =>
      q
        .from({ task: tasks })
        .groupBy(({ task }) => task.status)
        .select(({ task }) => ({ status: task.status, tasks: count(task.id) })),
  });
  const totals = { todo: 0, doing: 0, done: 0 };
  for (const row of data) totals[row.status] = row.tasks;
  return totals;
}

export function useTask(id: string): Task | undefined {
  const { data } = useLiveQuery({
    query: (q) =>
      q
        .from({ task: tasks })
        .where(({ task }) => eq(task.id, id))
        .findOne(),
  });
  return data;
}
