import { useSyncExternalStore } from "react";
import type { OutboxItem } from "../client/outbox-items.js";
import type { Outbox } from "../client/outbox.js";
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

/**
 * The changes of a replicated collection that the server has not accepted, oldest first; renders
 * again whenever they change.
 *
 * @example
 * ```tsx
 * const refused = useOutbox(tasks).filter((item) => item.status === "rejected");
 * ```
 */
export function useOutbox<R>(collection: {
  utils: { outbox: Pick<Outbox<R>, "list" | "subscribe"> };
}): readonly OutboxItem<R>[] {
  const { outbox } = collection.utils;
  return useSyncExternalStore(outbox.subscribe, outbox.list, noItems);
}

const NO_ITEMS: readonly OutboxItem<never>[] = [];
const noItems = () => NO_ITEMS;

export type { OutboxItem, SyncStatus };
