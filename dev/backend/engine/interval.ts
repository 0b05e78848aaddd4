import { justAfter, type IndexKey } from "./index-key.js";

/** Keys from `from` up to, and without, `to`. */
export interface Interval {
  from: IndexKey;
  to: IndexKey;
}

export function point(key: IndexKey): Interval {
  return { from: key, to: justAfter(key) };
}

/** What was read of one index. The intervals may still grow until the set is asked for the first time. */
export class IntervalSet {
  #intervals: Interval[] = [];
  #isSorted = true;

  add(interval: Interval): void {
    this.#intervals.push(interval);
    this.#isSorted = false;
  }

  addAll(other: IntervalSet): void {
    for (const interval of other.#intervals) this.add(interval);
  }

  contains(key: IndexKey): boolean {
    if (!this.#isSorted) this.#sort();
    const candidate = this.#lastStartingAt(key);
    return candidate !== undefined && key < candidate.to;
  }

  get intervals(): readonly Interval[] {
    return this.#intervals;
  }

  #lastStartingAt(key: IndexKey): Interval | undefined {
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#intervals[middle]!.from <= key) low = middle + 1;
      else high = middle;
    }
    return this.#intervals[low - 1];
  }

  /** By start, overlapping ones made one. */
  #sort(): void {
    const sorted = this.#intervals
      .filter(({ from, to }) => from < to)
      .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
    const merged: Interval[] = [];
    for (const { from, to } of sorted) {
      const last = merged.at(-1);
      if (last === undefined || last.to < from) merged.push({ from, to });
      else if (last.to < to) last.to = to;
    }
    this.#intervals = merged;
    this.#isSorted = true;
  }
}
