import type { Commit, ReadSet } from "../runtime.js";
import { IntervalSet, type Interval } from "./interval.js";
import { EngineCommit } from "./commit.js";

/** A transaction's read set: intervals of index keys, by `component:table.index`. */
export class ReadIntervals implements ReadSet {
  #byIndex = new Map<string, IntervalSet>();

  /** The interval may still grow while the transaction runs. */
  add(index: string, interval: Interval): void {
    let set = this.#byIndex.get(index);
    if (set === undefined) this.#byIndex.set(index, (set = new IntervalSet()));
    set.add(interval);
  }

  *byIndex(): Iterable<[index: string, intervals: readonly Interval[]]> {
    for (const [index, set] of this.#byIndex) yield [index, set.intervals];
  }

  indexes(): Iterable<string> {
    return this.#byIndex.keys();
  }

  isTouchedBy(commit: Commit): boolean {
    if (!(commit instanceof EngineCommit)) throw new TypeError("A commit of another engine");
    const changed = commit.changedKeys;
    const [some, other] =
      changed.size < this.#byIndex.size ? [changed, this.#byIndex] : [this.#byIndex, changed];
    for (const index of some.keys()) {
      if (!other.has(index)) continue;
      const reads = this.#byIndex.get(index)!;
      if (changed.get(index)!.some((key) => reads.contains(key))) return true;
    }
    return false;
  }
}

/** The table of a `component:table.index`. */
export function tableOf(index: string): string {
  return index.slice(index.lastIndexOf(":") + 1, index.lastIndexOf("."));
}
