import type { ReplicateErrorCode } from "./errors.js";

/** The symbol by which Convex recognises a `ConvexError`, even one made by another copy of its package. */
const CONVEX_ERROR = Symbol.for("ConvexError");

/** Why something was refused, by this package or, with a code of its own, by the app. */
export type Refusal = { code: string; message: string };

/** One that this package makes itself, so that its code is one of ours. */
export type OwnRefusal = Refusal & { code: ReplicateErrorCode };

/**
 * How long to wait before asking again, in ms, if the error says so; otherwise null. `retryAfter` is the
 * name that `@convex-dev/rate-limiter` uses.
 */
export function retryAfterOf(error: unknown): number | null {
  if (refusalOf(error) === null) return null;
  const { data } = error as { data?: unknown };
  const { retryAfterMs, retryAfter } = (data ?? {}) as Record<string, unknown>;
  const ms = retryAfterMs ?? retryAfter;
  return typeof ms === "number" && ms >= 0 && ms < Infinity ? ms : null;
}

/**
 * What a thrown `ConvexError` says: its data is a message, or `{ code, message }`. Null for any
 * other error, which means that something broke rather than that someone refused.
 */
export function refusalOf(error: unknown): Refusal | null {
  if (typeof error !== "object" || error === null || !(CONVEX_ERROR in error)) return null;
  const { data } = error as { data?: unknown };
  if (typeof data === "string") return { code: "REFUSED", message: data };
  const { code, message } = (data ?? {}) as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" ? code : "REFUSED",
    message: typeof message === "string" ? message : "The server refused the change.",
  };
}
