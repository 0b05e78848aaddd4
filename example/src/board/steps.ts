import type { KeyboardEvent } from "react";
import type { Task } from "../../convex/fields.js";
import { moveTask } from "../task/actions.js";
import { STATUSES } from "../task/vocabulary.js";
import { positionBefore } from "./position.js";

/** Shift and an arrow key move the card that has the focus by one place, in its column or to the next. */
export function stepTask(event: KeyboardEvent, column: readonly Task[]) {
  if (!event.shiftKey || (event.target as Element).closest("input, textarea, [popover]")) return;
  const id = (event.target as Element).closest<HTMLElement>("[data-id]")?.dataset.id;
  const index = column.findIndex((task) => task.id === id);
  const task = column[index];
  if (!task) return;

  const place = (before: Task | undefined) =>
    moveTask(task.id, task.status, positionBefore(column, before?.id ?? null, task.id));
  const toColumn = (offset: number) => {
    const status = STATUSES[STATUSES.indexOf(task.status) + offset];
    if (status) moveTask(task.id, status);
  };

  if (event.key === "ArrowUp" && index > 0) place(column[index - 1]);
  else if (event.key === "ArrowDown" && index < column.length - 1) place(column[index + 2]);
  else if (event.key === "ArrowLeft") toColumn(-1);
  else if (event.key === "ArrowRight") toColumn(1);
  else return;

  event.preventDefault();
  requestAnimationFrame(() => focusTask(task.id));
}

/** Moving to another column draws the card anew; this gives the focus back to it. */
export function focusTask(id: string) {
  document.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"] .task-title`)?.focus();
}
