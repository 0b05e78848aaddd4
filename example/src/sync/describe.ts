import type { SyncStatus } from "convex-replicate/client";

/** How the state of syncing looks and reads. */
export interface SyncDescription {
  tone: "calm" | "busy" | "away" | "trouble";
  label: string;
  /** One sentence about what it means for the person's work. */
  detail: string;
}

/** Words for a status. Nothing is called saved before the server has accepted it. */
export function describeSync(status: SyncStatus): SyncDescription {
  const { phase, pending, rejected, reason, storage } = status;
  const some = pending.toLocaleString();
  if (storage.error !== null) {
    return {
      tone: "trouble",
      label: "Not kept on this device",
      detail: `This browser does not store data now, so keep the page open until all is sent. (${storage.error.message})`,
    };
  }
  switch (phase) {
    case "blocked":
      return {
        tone: "trouble",
        label: pending > 0 ? `Not syncing, ${some} to send` : "Not syncing",
        detail: reason?.message ?? "The server does not accept changes from this app.",
      };
    case "offline":
      return {
        tone: "away",
        label: pending > 0 ? `Offline, ${some} to send` : "Offline",
        detail:
          pending > 0
            ? "Your changes are kept on this device and are sent when you are back online."
            : "You can go on working: changes are kept on this device.",
      };
    case "loading":
      return { tone: "busy", label: "Loading", detail: "Tasks are being fetched." };
    case "catching-up":
      return {
        tone: "busy",
        label: pending > 0 ? `Catching up, ${some} to send` : "Catching up",
        detail: "Changes made elsewhere are being fetched.",
      };
    case "live":
      if (pending > 0) {
        return { tone: "busy", label: `Saving ${some}`, detail: "Your changes are on their way." };
      }
      if (rejected > 0) {
        return {
          tone: "trouble",
          label: `${rejected.toLocaleString()} refused`,
          detail: "The server has all your changes but the ones it refused.",
        };
      }
      return { tone: "calm", label: "Saved", detail: "The server has all your changes." };
  }
}

/** When something happened, as one says it: "just now", "5 minutes ago". */
export function describeAge(then: number, now: number): string {
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return "just now";
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes < 60) return format.format(-minutes, "minute");
  if (minutes < 24 * 60) return format.format(-Math.floor(minutes / 60), "hour");
  return format.format(-Math.floor(minutes / (24 * 60)), "day");
}
