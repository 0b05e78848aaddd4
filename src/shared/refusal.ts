import { ConvexError } from "convex/values";

export type Refusal = { code: string; message: string };

/**
 * What a thrown `ConvexError` says: its data is a message, or `{ code, message }`. Null for any
 * other error, which means that something broke rather than that someone refused.
 */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof ConvexError)) return null;
  const data: unknown = error.data;
  if (typeof data === "string") return { code: "REFUSED", message: data };
  const { code, message } = (data ?? {}) as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" ? code : "REFUSED",
    message: typeof message === "string" ? message : "The server refused the change.",
  };
}
