import { v, type Infer } from "convex/values";
import { TAIL_BYTES, TAIL_ENTRIES } from "../shared/limits.js";
import { NS_PER_MS } from "./clock.js";
import { sizeOf, type Entry } from "./entries.js";

/** When the log of a document is long enough to be compacted. */
export const thresholds = v.object({
  /** Compact once so many entries follow a document's first one … */
  entries: v.number(),
  /** … or so many bytes, and no fewer than the first one has. */
  bytes: v.number(),
  /** From which age, in ms, an entry may be compacted in any case. */
  minAgeMs: v.number(),
});
export type Thresholds = Infer<typeof thresholds>;

/**
 * Which of a document's live entries, given in log order, one snapshot should replace: always the
 * oldest ones, none while that is not worth it (S5).
 *
 * Only entries that live clients are past: old ones, and those followed by as much as makes a live
 * tail start afresh. So compaction re-sends nothing to anyone who keeps up, however busy a document
 * is. Entries of one commit stay together, because the snapshot takes the place after the newest.
 *
 * @param now The time, in ns as commit timestamps are.
 * @param maxBytes Bytes that one transaction can replace.
 */
export function planCompaction(
  live: readonly Entry[],
  now: bigint,
  { entries, bytes, minAgeMs }: Thresholds,
  maxBytes: number,
): Entry[] {
  const settled = settledCount(live, now - BigInt(minAgeMs) * NS_PER_MS);
  const most = countWithin(live, maxBytes);
  const count = wholeCommits(live, Math.min(settled, most));
  const [first, ...rest] = live.slice(0, count);
  if (first === undefined || rest.length === 0) return [];
  const size = bytesOf(rest);
  // More than one transaction replaces is worth it in any case: it never gets any less.
  const worthIt =
    most < settled || rest.length >= entries || size >= Math.max(bytes, sizeOf(first));
  return worthIt ? [first, ...rest] : [];
}

/** How many entries, from the oldest, live clients are past. */
function settledCount(live: readonly Entry[], oldEnough: bigint): number {
  let newer = 0;
  let bytes = 0;
  for (let at = live.length - 1; at >= 0; at--) {
    const entry = live[at]!;
    bytes += sizeOf(entry);
    const passed = ++newer >= TAIL_ENTRIES || bytes >= TAIL_BYTES;
    if (passed || (isCommitted(entry) && entry.head.ts <= oldEnough)) return at + 1;
  }
  return 0;
}

/** How many entries, from the oldest, have at most `maxBytes`; whole commits of at least two in any case. */
function countWithin(live: readonly Entry[], maxBytes: number): number {
  let count = 0;
  for (let bytes = 0; count < live.length; count++) {
    bytes += sizeOf(live[count]!);
    if (bytes > maxBytes && wholeCommits(live, count) >= 2) break;
  }
  return count;
}

/** The largest number up to `count` that parts no commit, and nothing that is not committed yet. */
function wholeCommits(live: readonly Entry[], count: number): number {
  let whole = count;
  while (whole > 0 && !isCommitted(live[whole - 1]!)) whole--;
  while (whole > 0 && whole < live.length && live[whole]!.head.ts === live[whole - 1]!.head.ts) {
    whole--;
  }
  return whole;
}

function isCommitted(entry: Entry): entry is Entry & { head: { ts: bigint } } {
  return typeof entry.head.ts === "bigint";
}

/** From so many kept entries on, the snapshot that follows them is kept as well. */
const KEYFRAME_ENTRIES = 1_000;

/**
 * Which of the entries that a snapshot replaces stay as history: all, if any of them was written to stay;
 * those before it are what it builds on. A snapshot of what is in the history already goes, unless
 * enough has come together since the last one that stayed. So any version takes a bounded number of
 * entries to rebuild, and history takes at most twice the bytes of the entries, plus one snapshot per
 * thousand.
 */
export function planHistory(replaced: readonly Entry[]): {
  kept: ReadonlySet<Entry>;
  replaces: Exclude<Entry["head"]["replaces"], undefined>;
} {
  if (!replaced.some(({ head }) => head.keep)) return { kept: new Set(), replaces: null };
  const [first, ...rest] = replaced as [Entry, ...Entry[]];
  const before = first.head.replaces;
  const added = { entries: rest.length, bytes: bytesOf(rest) };
  if (!before || before.entries >= KEYFRAME_ENTRIES || before.bytes >= sizeOf(first)) {
    return { kept: new Set(replaced), replaces: added };
  }
  const entries = before.entries + added.entries;
  const bytes = before.bytes + added.bytes;
  return { kept: new Set(rest), replaces: { entries, bytes } };
}

export function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((total, entry) => total + sizeOf(entry), 0);
}
