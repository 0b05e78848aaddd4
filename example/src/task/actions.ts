import type { Status, Task } from "../../convex/fields.js";
import { between } from "../board/position.js";
import { tasks } from "../store.js";
import { showToast } from "../ui/toasts.js";

/** Everything a person can do to a task. Each is instant, online or not; syncing is not the app's business. */

export function addTask(status: Status, title: string) {
  tasks.insert({
    id: crypto.randomUUID(),
    title,
    status,
    priority: "none",
    votes: 0,
    labels: [],
    position: topOf(status),
    details: { notes: "" },
    createdAt: Date.now(),
  });
}

/** Changes a task, unless it has been removed in the meantime, here or elsewhere. */
export function editTask(id: string, change: (draft: Task) => void) {
  if (tasks.has(id)) tasks.update(id, change);
}

export function vote(id: string) {
  editTask(id, (draft) => {
    draft.votes += 1;
  });
}

/** Moves a task to a place in a column: to its top, if none is given. */
export function moveTask(id: string, status: Status, position = topOf(status)) {
  editTask(id, (draft) => {
    draft.status = status;
    draft.position = position;
  });
}

export function toggleDone(task: Task) {
  moveTask(task.id, task.status === "done" ? "todo" : "done");
}

/** An optional detail; an empty text takes it away. */
export function setDetail(id: string, field: "assignee" | "due", text: string) {
  editTask(id, (draft) => {
    if (text) draft.details[field] = text;
    else delete draft.details[field];
  });
}

/** Removes tasks and offers them back: a task inserted again begins anew, on every device. */
export function removeTasks(removed: readonly Task[]) {
  const [first] = removed;
  if (!first) return;
  tasks.delete(removed.map((task) => task.id));
  showToast(removed.length === 1 ? `Deleted “${first.title}”` : `Deleted ${removed.length} tasks`, {
    label: "Undo",
    run: () => tasks.insert(removed.filter((task) => !tasks.has(task.id))),
  });
}

export function removeAllDone() {
  removeTasks(tasks.toArray.filter((task) => task.status === "done"));
}

function topOf(status: Status) {
  let top: number | undefined;
  for (const task of tasks.values()) {
    if (task.status === status && (top === undefined || task.position < top)) top = task.position;
  }
  return between(undefined, top);
}
