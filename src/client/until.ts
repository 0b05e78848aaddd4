import type { StatusStore, SyncStatus } from "./status.js";

/** Resolves once the status is as wanted: at once, or when it becomes so. */
export function until(
  status: StatusStore,
  isWanted: (status: SyncStatus) => boolean,
): Promise<void> {
  if (isWanted(status.get())) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = status.subscribe((next) => {
      if (!isWanted(next)) return;
      stop();
      resolve();
    });
  });
}
