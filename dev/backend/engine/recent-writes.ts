import type { EngineCommit } from "./commit.js";
import type { Interval } from "./interval.js";
import { createSortedMap, type SortedMap } from "./sorted-map.js";
import type { IndexKey } from "./index-key.js";
import { tableOf, type ReadIntervals } from "./read-intervals.js";

/**
 * What was written since the oldest running transaction began: each index's keys in order, with the
 * time of the last commit that moved a document from or to them. A transaction's read intervals are
 * looked up here, so that checking it costs by what it read, however many committed meanwhile.
 */
export class RecentWrites {
  /** Oldest first. */
  #commits: EngineCommit[] = [];
  /** By `component:table.index`. */
  #lastWrites = new Map<string, SortedMap<IndexKey, bigint>>();

  add(commit: EngineCommit): void {
    this.#commits.push(commit);
    for (const [index, keys] of commit.changedKeys) {
      let lastWrites = this.#lastWrites.get(index);
      if (lastWrites === undefined) this.#lastWrites.set(index, (lastWrites = createSortedMap()));
      for (const key of keys) lastWrites.set(key, commit.ts);
    }
  }

  /** Nobody runs any more who has not seen the commits up to `ts`. */
  forgetUntil(ts: bigint): void {
    let count = 0;
    for (; count < this.#commits.length && this.#commits[count]!.ts <= ts; count++) {
      this.#forget(this.#commits[count]!);
    }
    if (count > 0) this.#commits.splice(0, count);
  }

  /** A table with a key that `reads` covers and that was written after `since`, or `null`. */
  tableTouched(reads: ReadIntervals, since: bigint): string | null {
    const newest = this.#commits.at(-1);
    if (newest === undefined || newest.ts <= since) return null;
    for (const [index, intervals] of reads.byIndex()) {
      const lastWrites = this.#lastWrites.get(index);
      if (lastWrites === undefined) continue;
      if (intervals.some((interval) => holdsNewer(lastWrites, interval, since))) {
        return tableOf(index);
      }
    }
    return null;
  }

  #forget({ ts, changedKeys }: EngineCommit): void {
    for (const [index, keys] of changedKeys) {
      const lastWrites = this.#lastWrites.get(index)!;
      // A later commit may have written the same key.
      for (const key of keys) if (lastWrites.get(key) === ts) lastWrites.delete(key);
    }
  }
}

function holdsNewer(
  lastWrites: SortedMap<IndexKey, bigint>,
  { from, to }: Interval,
  since: bigint,
): boolean {
  let write = lastWrites.getPairOrNextHigher(from);
  while (write !== undefined && write[0] < to) {
    if (write[1] > since) return true;
    write = lastWrites.nextHigherPair(write[0]);
  }
  return false;
}
