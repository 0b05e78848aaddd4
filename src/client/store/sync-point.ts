import type { ResetReason } from "../../shared/wire.js";

/** How far a load that starts over has come. */
export type Reset = {
  reason: ResetReason;
  /** Marks the documents that this load has brought. */
  mark: number;
  /** Whether the load has reached the end. */
  loaded: boolean;
  /** The last document whose row has changed to what was loaded. */
  after: string | null;
};

/** How far this device has followed the server. */
export type SyncPoint = {
  cursor: string | null;
  /** Whether this load, or an earlier one, reached the end. */
  complete: boolean;
  /** When the end was last reached, in ms since the epoch. */
  syncedAt: number | null;
  /** Set while everything is loaded again, beside what there is. */
  reset?: Reset;
};

/** The position as it is stored. */
export type StoredSyncPoint = SyncPoint & {
  /** Counts how often this device began to load everything again: a page of an earlier round is ignored. */
  round: number;
};

export const NEVER_SYNCED: StoredSyncPoint = {
  cursor: null,
  complete: false,
  syncedAt: null,
  round: 0,
};

/** Whether pages are still to come before all that the server has is here. */
export function isLoading({ complete, reset }: SyncPoint): boolean {
  return reset ? !reset.loaded : !complete;
}

/** The position after a page; `complete` is whether the page is the last of a load, or of a tail. */
export function positionAfter(current: StoredSyncPoint, page: StoredSyncPoint): StoredSyncPoint {
  // A tab that was frozen brings pages of a load which the one that took its turn has finished since.
  if (!isLoading(current) && !page.complete) return current;
  const { reset } = current;
  if (!reset) return page;
  return { ...page, complete: current.complete, reset: { ...reset, loaded: page.complete } };
}
