import type { Priority, Task } from "../../convex/fields.js";

/** What the board shows; an empty text and `null` let everything through. */
export interface Filter {
  text: string;
  priority: Priority | null;
  label: string | null;
}

export const NO_FILTER: Filter = { text: "", priority: null, label: null };

export function isFiltering(filter: Filter): boolean {
  return filter.text.trim() !== "" || filter.priority !== null || filter.label !== null;
}

/** Every word has to occur somewhere in the title, the notes or the assignee's name. */
export function matches(task: Task, filter: Filter): boolean {
  if (filter.priority && task.priority !== filter.priority) return false;
  if (filter.label && !task.labels.includes(filter.label)) return false;
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { notes, assignee = "" } = task.details;
  const content = `${task.title}\n${notes}\n${assignee}`.toLowerCase();
  return words.every((word) => content.includes(word));
}
