import { useSyncExternalStore } from "react";
import type { StatusStore, SyncStatus } from "../client/status.js";

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
  return useSyncExternalStore(status.subscribe, status.get, status.get);
}

export type { SyncStatus };
