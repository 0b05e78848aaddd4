import type { QueryRun } from "../runtime.js";
import type { ReadIntervals } from "./read-intervals.js";
import type { EngineCommit } from "./commit.js";

const MAX_ENTRIES = 10_000;

export interface CachedRun {
  run: QueryRun;
  reads: ReadIntervals;
  /** The snapshot it ran on. */
  ts: bigint;
}

/** Who may be given a result: everybody, unless the function asked for the caller's identity. */
const ANYBODY = "anybody";

/**
 * Results of queries that no commit has touched since. Kept by path, arguments and journal, and by
 * identity only where it mattered.
 */
export class QueryCache {
  /** Least recently used first. */
  #entries = new Map<string, CachedRun>();
  #keysByIndex = new Map<string, Set<string>>();

  /** A result that is right at `ts`, which is not in the future of what was observed. */
  find(call: string, identity: string, ts: bigint): QueryRun | null {
    for (const who of [ANYBODY, identity]) {
      const key = `${call}\n${who}`;
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.ts > ts) continue;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry.run;
    }
    return null;
  }

  /** To be called while nothing that touches `reads` has been published since `ts`. */
  keep(call: string, identity: string | null, entry: CachedRun): void {
    const key = `${call}\n${identity ?? ANYBODY}`;
    this.#remove(key);
    this.#entries.set(key, entry);
    for (const index of entry.reads.indexes()) {
      let keys = this.#keysByIndex.get(index);
      if (keys === undefined) this.#keysByIndex.set(index, (keys = new Set()));
      keys.add(key);
    }
    if (this.#entries.size <= MAX_ENTRIES) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#remove(oldest);
  }

  observe(commit: EngineCommit): void {
    for (const index of commit.changedKeys.keys()) {
      for (const key of this.#keysByIndex.get(index) ?? []) {
        if (this.#entries.get(key)!.reads.isTouchedBy(commit)) this.#remove(key);
      }
    }
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    for (const index of entry.reads.indexes()) this.#keysByIndex.get(index)?.delete(key);
  }
}
