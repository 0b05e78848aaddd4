import type { Doc, Id } from "./_generated/dataModel.js";
import type { MutationCtx, QueryCtx } from "./_generated/server.js";

/** Up to this size bytes sit in the log row itself, in bytes. */
export const INLINE_BYTES = 4 * 1024;

/** Largest slice in one `payloads` row, in bytes; Convex stores at most 1 MiB a document. */
export const CHUNK_BYTES = 512 * 1024;

export type StoredBytes = Pick<Doc<"updates">, "bytes" | "payload" | "size">;

/** Cuts bytes into slices that each fit in one row; at least one, even when there are no bytes. */
export function slices(bytes: ArrayBuffer): ArrayBuffer[] {
  const result: ArrayBuffer[] = [];
  for (let at = 0; at === 0 || at < bytes.byteLength; at += CHUNK_BYTES) {
    result.push(bytes.slice(at, at + CHUNK_BYTES));
  }
  return result;
}

export async function storeSlice(ctx: MutationCtx, slice: ArrayBuffer): Promise<StoredBytes> {
  const size = slice.byteLength;
  if (size <= INLINE_BYTES) return { bytes: slice, payload: null, size };
  const payload: Id<"payloads"> = await ctx.db.insert("payloads", { bytes: slice });
  return { bytes: null, payload, size };
}

/** The bytes of one entry, given all of its rows in order. */
export async function readEntry(ctx: QueryCtx, rows: StoredBytes[]): Promise<ArrayBuffer> {
  const parts = await Promise.all(rows.map((row) => readSlice(ctx, row)));
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole.buffer;
}

async function readSlice(ctx: QueryCtx, { bytes, payload }: StoredBytes): Promise<ArrayBuffer> {
  if (payload === null) return bytes ?? new ArrayBuffer(0);
  const stored = await ctx.db.get("payloads", payload);
  if (stored === null) throw new Error(`The log refers to a payload that is gone: ${payload}`);
  return stored.bytes;
}
