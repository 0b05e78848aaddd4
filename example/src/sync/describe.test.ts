import type { SyncStatus } from "convex-replicate/client";
import { expect, test } from "vitest";
import { describeAge, describeSync } from "./describe.js";

const live: SyncStatus = {
  phase: "live",
  reason: null,
  complete: true,
  pending: 0,
  rejected: 0,
  progress: null,
  lastSyncedAt: 0,
  storage: { kind: "indexeddb", error: null, persisted: null, evicted: false },
};

test("nothing is called saved while a change is on its way", () => {
  expect(describeSync(live).label).toBe("Saved");
  for (const phase of ["live", "catching-up", "offline", "blocked", "loading"] as const) {
    expect(describeSync({ ...live, phase, pending: 2 }).label).not.toBe("Saved");
  }
});

test("nothing is called saved while the server refuses a change", () => {
  expect(describeSync({ ...live, rejected: 1 })).toMatchObject({
    tone: "trouble",
    label: "1 refused",
  });
});

test("offline says how much waits", () => {
  expect(describeSync({ ...live, phase: "offline", pending: 3 })).toMatchObject({
    tone: "away",
    label: "Offline, 3 to send",
  });
});

test("nothing is called saved, or safe, while the browser stores nothing", () => {
  const error = { code: "STORAGE_FULL", message: "Quota exceeded" } as const;
  const storage = { kind: "indexeddb", error, persisted: null, evicted: false };
  expect(describeSync({ ...live, storage })).toMatchObject({ tone: "trouble" });
  expect(describeSync({ ...live, storage }).detail).toContain("Quota exceeded");
});

test("blocked gives the reason", () => {
  const reason = { code: "PROTOCOL", message: "Reload the page to update." };
  expect(describeSync({ ...live, phase: "blocked", reason }).detail).toBe(reason.message);
});

test("ages read as one says them", () => {
  const minutes = (count: number) => describeAge(0, count * 60_000);
  expect(minutes(0.5)).toBe("just now");
  expect(minutes(5)).toBe("5 minutes ago");
  expect(minutes(60)).toBe("1 hour ago");
  expect(minutes(60 * 24)).toBe("yesterday");
});
