import { TAIL_BYTES, TAIL_ENTRIES } from "../../shared/limits.js";
import { sameBytes } from "../../shared/values.js";
import type { StreamEntry } from "../../shared/wire.js";

/**
 * A tail's result holds everything since its cursor; what an earlier result ended with is skipped.
 * When compaction has changed the log in between, all of it is applied again, which is harmless.
 */
export function newEntries(
  entries: readonly StreamEntry[],
  applied: readonly StreamEntry[],
): readonly StreamEntry[] {
  const last = applied.at(-1);
  const same = entries[applied.length - 1];
  return last && same && isSameEntry(last, same) ? entries.slice(applied.length) : entries;
}

function isSameEntry(a: StreamEntry, b: StreamEntry): boolean {
  if (a.document !== b.document || a.generation !== b.generation || a.kind !== b.kind) return false;
  if (a.bytes === null || b.bytes === null) return false;
  return sameBytes(new Uint8Array(a.bytes), new Uint8Array(b.bytes));
}

/**
 * Whether a subscription should start afresh from a later cursor: after a stub at once, so that what it
 * stands for is asked for once.
 */
export function isLong(entries: readonly StreamEntry[]): boolean {
  let total = 0;
  for (const { bytes } of entries) total += bytes?.byteLength ?? TAIL_BYTES;
  return entries.length >= TAIL_ENTRIES || total >= TAIL_BYTES;
}
