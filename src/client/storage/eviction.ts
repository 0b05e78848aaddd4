/**
 * Browsers under pressure delete IndexedDB, but not localStorage. So the id of the database is
 * noted there: a new database where another one was noted means that data was lost, and is no first
 * visit. "Clear site data" takes both, and looks like a first visit.
 */
export function recallStoreId(database: string): string | null {
  return attempt(() => localStorage.getItem(database));
}

export function noteStoreId(database: string, storeId: string) {
  attempt(() => localStorage.setItem(database, storeId));
}

/** There is no localStorage in workers and in Node, and sandboxed frames refuse it. */
function attempt<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}
