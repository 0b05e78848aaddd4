import type { Rebuilt } from "../store/repair.js";

/**
 * Rows that were damaged on disk are made anew from their documents, some at a time.
 *
 * @param step Makes those of the first documents after one, in a turn of its own.
 */
export async function rebuildAll(step: (after: string | null) => Promise<Rebuilt>): Promise<void> {
  let next: string | null = null;
  do next = (await step(next)).next;
  while (next !== null);
}
