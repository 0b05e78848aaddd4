import { tasks } from "../store.js";
import { seedTask } from "./content.js";

/** Adds `count` made-up tasks behind the ones that are there. */
export function seedTasks(count: number) {
  const start = tasks.size;
  const now = new Date();
  tasks.insert(Array.from({ length: count }, (_, index) => seedTask(start + index, now)));
}
