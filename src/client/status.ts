import type { Refusal } from "../shared/refusal.js";
import { Emitter } from "./platform/emitter.js";
import type { StorageStatus } from "./storage/health.js";
import type { Session } from "./session.js";

/** How a collection's syncing goes (C11). */
export type SyncStatus = {
  /**
   * - `loading`: the first load has not reached the end yet
   * - `catching-up`: everything was here once, what happened since is on its way
   * - `live`: the server's changes arrive as they happen
   * - `offline`: no connection; reads and writes go on as ever
   * - `blocked`: syncing cannot go on, connection or not, until something else changes: see `reason`
   */
  phase: "loading" | "catching-up" | "live" | "offline" | "blocked";
  /** What is in the way, if anything is. */
  reason: { code: string; message: string } | null;
  /** Whether everything the server had has been loaded once: if not, a missing row may just be late. */
  complete: boolean;
  /** Local changes that the server has not accepted yet. */
  pending: number;
  /** Local changes that the server refused, and that wait in the outbox for retry or discard. */
  rejected: number;
  /** How far the first load is; `fraction` is an estimate from 0 to 1. */
  progress: { documents: number; fraction: number } | null;
  /**
   * When data last arrived from the server and left this device up to date, in ms since the epoch.
   * While `live` nothing is missing, however long ago that was.
   */
  lastSyncedAt: number | null;
  /** Where local data is kept, and how safe it is there. */
  storage: StorageStatus;
};

export const INITIAL_STATUS: SyncStatus = {
  phase: "loading",
  reason: null,
  complete: false,
  pending: 0,
  rejected: 0,
  progress: { documents: 0, fraction: 0 },
  lastSyncedAt: null,
  storage: { kind: "memory", error: null, persisted: null, evicted: false },
};

const UNREACHABLE = {
  code: "UNREACHABLE",
  message: "The server cannot be reached. Changes are kept on this device until it can be.",
};

/**
 * @param graceOver Whether a connection that is still missing counts as missing.
 * @param suspended Why nothing is synced at all, if that is so.
 */
export function statusOf(
  session: Session,
  connected: boolean,
  graceOver: boolean,
  suspended: Refusal | null,
): SyncStatus {
  const { syncState } = session;
  const { syncPoint, replica, storage } = session.data;
  const { complete, syncedAt } = syncPoint;
  const { pending, rejected } = replica.counts();
  // Whoever waits for a storage to open can do nothing else; other trouble with it stops no sync.
  const unopened = storage.error?.code === "STORAGE_BLOCKED" ? storage.error : null;
  const obstacle = suspended ?? unopened;
  const isOffline = !connected && graceOver && !obstacle;
  // With nothing to send, what was in the way of sending is in nobody's way.
  const inTheWay = syncState.pullReason ?? (pending > 0 ? syncState.pushReason : null);
  const reason = obstacle ?? (isOffline ? UNREACHABLE : (inTheWay ?? syncState.healReason));
  const isBlocked = obstacle !== null || (connected && (inTheWay?.blocks ?? false));
  const catching = complete ? "catching-up" : "loading";
  const phase = isOffline
    ? "offline"
    : isBlocked
      ? "blocked"
      : complete && syncState.caughtUp && connected && !syncState.healReason
        ? "live"
        : catching;
  return {
    phase,
    reason: reason && { code: reason.code, message: reason.message },
    complete,
    pending,
    rejected,
    progress: complete ? null : { documents: replica.size, fraction: syncState.fraction },
    lastSyncedAt: syncedAt,
    storage,
  };
}

/** A value to read and to subscribe to; fits React's `useSyncExternalStore`. */
export interface StatusStore {
  get(): SyncStatus;
  subscribe(listener: (status: SyncStatus) => void): () => void;
}

/** Holds the status and notifies listeners when it really changed. */
export class StatusHolder implements StatusStore {
  readonly #changed = new Emitter<[SyncStatus]>();
  #status = INITIAL_STATUS;

  get = () => this.#status;

  subscribe = (listener: (status: SyncStatus) => void) => this.#changed.on(listener);

  set(status: SyncStatus) {
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#changed.emit(status);
  }
}
