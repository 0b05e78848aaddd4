import type { QueryCtx } from "./_generated/server.js";

export const NS_PER_MS = 1_000_000n;

/** The time as commit timestamps tell it, in ns: never before what has been committed. */
export function timeOf(ctx: QueryCtx): bigint {
  const committed = ctx.meta.getSnapshotTs();
  const clock = BigInt(Date.now()) * NS_PER_MS;
  return later(clock, committed);
}

export function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
