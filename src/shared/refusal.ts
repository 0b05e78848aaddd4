/** By this Convex itself knows a `ConvexError`, whichever copy of its package it was made by. */
const CONVEX_ERROR = Symbol.for("ConvexError");

export type Refusal = { code: string; message: string };

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
