import { useSyncExternalStore } from "react";
import { INITIAL_STATUS, type StatusStore, type SyncStatus } from "../client/status.js";

/**
 * How syncing of a replicated collection goes; renders again whenever it changes.
 *
 * @example
 * ```tsx
 * const { phase, pending } = useSyncStatus(tasks);
 * ```
 */
export function useSyncStatus(collection: { utils: { status: StatusStore } }): SyncStatus {
  const { status } = collection.utils;
  return useSyncExternalStore(status.subscribe, status.get, beforeAnyStatus);
}

/** What a server renders, and so what a browser has to render first when it takes over. */
const beforeAnyStatus = () => INITIAL_STATUS;

export type { SyncStatus };
