import type { Doc } from "./_generated/dataModel.js";

export type Entry = { head: Doc<"updates">; rows: Doc<"updates">[] };

/** Joins log rows, given in index order, into entries; an entry whose last row is missing is left out. */
export function groupEntries(rows: readonly Doc<"updates">[]): Entry[] {
  const entries: Entry[] = [];
  let open: Doc<"updates">[] = [];
  for (const row of rows) {
    open.push(row);
    if (!row.last) continue;
    entries.push({ head: open[0]!, rows: open });
    open = [];
  }
  return entries;
}
