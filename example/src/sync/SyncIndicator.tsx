import type { SyncStatus } from "convex-replicate/client";
import { useSyncStatus } from "convex-replicate/react";
import { tasks } from "../store.js";
import { Popover } from "../ui/Popover.js";
import { useNow } from "../ui/useNow.js";
import { describeAge, describeSync } from "./describe.js";
import { useCalm } from "./useCalm.js";

/** Whether one's work is safe, at a glance; the details are one click away. */
export function SyncIndicator() {
  const status = useSyncStatus(tasks);
  const shown = useCalm(status, status.phase === "live" && status.pending === 0);
  const { tone, label, detail } = describeSync(shown);
  return (
    <>
      <Popover
        className="sync-details"
        button={{
          "aria-label": `Sync: ${label}`,
          className: "sync-status",
          title: detail,
          "data-testid": "sync-status",
          "data-phase": status.phase,
          "data-pending": status.pending,
          "data-tone": tone,
        }}
        label={
          <>
            <span className="sync-dot" />
            <span className="sync-label">{label}</span>
          </>
        }
      >
        {() => <SyncDetails status={status} detail={detail} />}
      </Popover>
      {/* Without the numbers: counting aloud would be noise. */}
      <span className="visually-hidden" role="status">
        {describeSync({ ...shown, pending: Math.min(shown.pending, 1) }).detail}
      </span>
    </>
  );
}

function SyncDetails({ status, detail }: { status: SyncStatus; detail: string }) {
  const { pending, rejected, lastSyncedAt, storage } = status;
  const now = useNow();
  return (
    <>
      <p className="sync-detail">{detail}</p>
      <dl>
        <dt>Waiting to be sent</dt>
        <dd>{pending}</dd>
        {rejected > 0 && (
          <>
            <dt>Refused by the server</dt>
            <dd>{rejected}</dd>
          </>
        )}
        <dt>Last synced</dt>
        <dd>{lastSyncedAt === null ? "not yet" : describeAge(lastSyncedAt, now)}</dd>
        <dt>On this device</dt>
        <dd>{storage.kind === "indexeddb" ? "kept in IndexedDB" : "in memory only"}</dd>
      </dl>
      {storage.error && <p className="sync-error">{storage.error.message}</p>}
    </>
  );
}
