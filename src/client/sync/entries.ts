import { TAIL_BYTES, TAIL_ENTRIES } from "../../shared/limits.js";
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
  const [x, y] = [new Uint8Array(a.bytes), new Uint8Array(b.bytes)];
  return x.length === y.length && x.every((byte, index) => byte === y[index]);
}

/** Whether a subscription should start afresh from a later cursor. */
export function isLong(entries: readonly StreamEntry[]): boolean {
  const bytes = entries.reduce((total, entry) => total + entry.bytes.byteLength, 0);
  return entries.length >= TAIL_ENTRIES || bytes >= TAIL_BYTES;
}
