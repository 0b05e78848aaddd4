import { convexClient, tasksOf } from "./tasks";

export { convexClient };

export const tasks = tasksOf("ann");

export function addTask(title: string): string {
  const id = crypto.randomUUID();
  tasks.insert({ id, title, done: false, details: {} });
  return id;
}

export function finish(id: string) {
  tasks.update(id, (draft) => {
    draft.done = true;
  });
}
