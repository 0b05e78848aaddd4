import type { DragEvent } from "react";

/** A type of our own, so that a column takes nothing but tasks. */
const TASK_TYPE = "application/x-slate-task";

export function carryTask(event: DragEvent, id: string) {
  event.dataTransfer.setData(TASK_TYPE, id);
  event.dataTransfer.effectAllowed = "move";
}

/** Whether a task is being dragged; which one, the browser tells only on drop. */
export const carriesTask = (event: DragEvent) => event.dataTransfer.types.includes(TASK_TYPE);

export const carriedTask = (event: DragEvent) => event.dataTransfer.getData(TASK_TYPE);

/** The id of the card in `list` before which the pointer is, or `null` below the last one. */
export function cardBelow(list: HTMLElement, pointerY: number): string | null {
  for (const card of list.querySelectorAll<HTMLElement>("[data-id]")) {
    const { top, height } = card.getBoundingClientRect();
    if (pointerY < top + height / 2) return card.dataset.id ?? null;
  }
  return null;
}
