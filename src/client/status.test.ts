import { describe, expect, it, vi } from "vitest";
import type { Session } from "./session.js";
import { INITIAL_STATUS, StatusHolder, statusOf } from "./status.js";
import { INITIAL_SYNC_STATE, reasonOf, type Reason, type SyncState } from "./tabs/sync-state.js";
import { ConvexError } from "convex/values";
import { ReplicateError } from "../shared/errors.js";
import type { Refusal } from "../shared/refusal.js";
import type { StorageStatus } from "./storage/health.js";

const blocking: Reason = { code: "FIELDS_MISMATCH", message: "Other fields.", blocks: true };
const passing: Reason = { code: "SERVER_ERROR", message: "It broke.", blocks: false };

type Facts = Partial<SyncState> & {
  complete?: boolean;
  connected?: boolean;
  graceOver?: boolean;
  pending?: number;
  suspended?: Refusal | null;
  storageError?: StorageStatus["error"];
};

function status(facts: Facts = {}) {
  const { complete = true, connected = true, graceOver = true, pending = 2, ...rest } = facts;
  const { suspended = null, storageError = null, ...sync } = rest;
  const session = {
    syncState: { ...INITIAL_SYNC_STATE, ...sync },
    data: {
      syncPoint: { cursor: "c", complete, syncedAt: complete ? 5 : null },
      replica: { counts: () => ({ pending, rejected: 1 }), size: 7 },
      storage: { kind: "memory", error: storageError },
    },
  } as unknown as Session;
  return statusOf(session, connected, graceOver, suspended);
}

const elsewhere = { code: "IDENTITY_CHANGED", message: "Someone else." };
const unopened = { code: "STORAGE_BLOCKED", message: "Close the other tab." } as const;
const full = { code: "STORAGE_FULL", message: "No space." } as const;

describe("the phase", () => {
  it.each<[string, Facts]>([
    ["loading", { complete: false }],
    ["loading", { complete: false, connected: false, graceOver: false }],
    ["loading", { complete: false, pullReason: passing }],
    ["catching-up", { caughtUp: false }],
    ["catching-up", { caughtUp: true, connected: false, graceOver: false }],
    ["catching-up", { connected: false, graceOver: false, pullReason: blocking }],
    ["live", { caughtUp: true }],
    ["live", { caughtUp: true, pushReason: passing }],
    ["offline", { caughtUp: true, connected: false }],
    ["offline", { complete: false, connected: false, pullReason: blocking }],
    ["blocked", { pullReason: blocking, caughtUp: true }],
    ["blocked", { complete: false, pullReason: blocking }],
    ["blocked", { pushReason: blocking }],
    ["blocked", { caughtUp: true, suspended: elsewhere }],
    ["blocked", { connected: false, suspended: elsewhere }],
    ["blocked", { complete: false, connected: false, storageError: unopened }],
    ["live", { caughtUp: true, storageError: full }],
  ])("is %s for %j", (phase, facts) => {
    expect(status(facts).phase).toBe(phase);
  });
});

it("says what is in the way: no connection first, then reading, then writing", () => {
  const both = { pullReason: passing, pushReason: blocking };
  expect(status({ ...both, connected: false }).reason).toMatchObject({ code: "UNREACHABLE" });
  expect(status(both).reason).toEqual({ code: "SERVER_ERROR", message: "It broke." });
  expect(status({ pushReason: blocking }).reason).toMatchObject({ code: "FIELDS_MISMATCH" });
  expect(status().reason).toBeNull();
});

it("says nothing of what was in the way of changes that are gone", () => {
  const facts = { caughtUp: true, pushReason: blocking, pending: 0 };
  expect(status(facts)).toMatchObject({ phase: "live", reason: null });
});

it("says why nothing is synced at all before anything else", () => {
  const facts: Facts = { connected: false, pullReason: passing };
  expect(status({ ...facts, suspended: elsewhere }).reason).toEqual(elsewhere);
  expect(status({ ...facts, storageError: unopened }).reason).toEqual(unopened);
  expect(status({ ...facts, storageError: full }).reason).toMatchObject({ code: "UNREACHABLE" });
});

it("tells of the first load only while it lasts", () => {
  expect(status({ complete: false, fraction: 0.5 }).progress).toEqual({
    documents: 7,
    fraction: 0.5,
  });
  expect(status({ fraction: 0.5 }).progress).toBeNull();
});

it("carries the counts, the time and the storage", () => {
  expect(status()).toMatchObject({
    pending: 2,
    rejected: 1,
    complete: true,
    lastSyncedAt: 5,
    storage: { kind: "memory", error: null },
  });
});

it("a reason blocks when trying again alone will not help", () => {
  const refusal = new ConvexError({ code: "SIGNED_OUT", message: "Sign in." });
  expect(reasonOf(refusal)).toEqual({ code: "SIGNED_OUT", message: "Sign in.", blocks: true });
  expect(reasonOf(new ReplicateError("FIELDS_MISMATCH", "m"))).toMatchObject({ blocks: true });
  expect(reasonOf(new ReplicateError("UNREACHABLE", "m"))).toMatchObject({ blocks: false });
  expect(reasonOf(new Error("It broke."))).toEqual(passing);
  expect(reasonOf(null)).toBeNull();
});

describe("the status store", () => {
  it("tells of changes, not of repetitions, and keeps the object in between", () => {
    const holder = new StatusHolder();
    const listener = vi.fn();
    const stop = holder.subscribe(listener);
    holder.set({ ...INITIAL_STATUS });
    expect(listener).not.toHaveBeenCalled();
    expect(holder.get()).toBe(INITIAL_STATUS);
    const changed = { ...INITIAL_STATUS, pending: 1 };
    holder.set(changed);
    holder.set({ ...changed });
    expect(listener.mock.calls).toEqual([[changed]]);
    expect(holder.get()).toBe(changed);
    stop();
    holder.set(INITIAL_STATUS);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("works without its object, as React calls it", () => {
    const { get, subscribe } = new StatusHolder();
    expect(get()).toBe(INITIAL_STATUS);
    subscribe(() => undefined)();
  });
});
