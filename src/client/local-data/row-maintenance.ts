import type { ReplicaStore } from "../store/replica-store.js";
import type { RowChanges } from "../store/rows.js";
import type { Replica } from "./replica.js";

export type RowMaintenanceHost = {
  readonly replica: Replica;
  /** Does `work` with the storage after everything before it. */
  enqueue<T>(work: (store: ReplicaStore) => Promise<T>): Promise<T>;
  /** Shows these documents as they are now, and has other tabs look at the disk. */
  announce(documents: Iterable<string>): void;
  /** Reads the disk again. */
  load(): Promise<void>;
  /** Does what has to succeed in the end. */
  retryUntilDone(work: () => Promise<void>): Promise<void>;
};

/** Looks after the rows on disk, in bounded steps, so that no write ever waits for all of them. */
export class RowMaintenance {
  readonly #host: RowMaintenanceHost;
  /** Segments that were found to be damaged; a key is never used again. */
  readonly #damagedSegments = new Set<number>();

  constructor(host: RowMaintenanceHost) {
    this.#host = host;
  }

  /**
   * Does one step of compaction, where it pays; for whoever is using the storage. Where that fails, rows
   * stay as they are and the next write tries again: it is more than what a page needs of the disk, and
   * a page that fails would hold up all that is to be sent. What ends the session is met again then.
   */
  async compact(store: ReplicaStore): Promise<void> {
    const { replica } = this.#host;
    const plan = replica.compaction();
    if (plan === null) return;
    let moved: RowChanges;
    try {
      moved = await store.moveRows(plan.rows, plan.segments, replica.lastSegment);
    } catch {
      return;
    }
    this.#host.announce(replica.applyMoved(moved, plan.segments));
    this.rebuild(moved);
  }

  /** Rebuilds all rows from their documents, later, where segments were found to be damaged. */
  rebuild({ damagedSegments }: Pick<RowChanges, "damagedSegments">) {
    // They are found again and again until they are gone.
    const found = damagedSegments.filter((key) => !this.#damagedSegments.has(key));
    if (found.length === 0) return;
    for (const key of found) this.#damagedSegments.add(key);
    void this.#host.retryUntilDone(() => this.#rebuild(found));
  }

  /** Drops the segments that were damaged at the end. */
  async #rebuild(damagedSegments: readonly number[]): Promise<void> {
    let after: string | null = null;
    do after = await this.#rebuildSome(after, damagedSegments);
    while (after !== null);
  }

  /** @returns the document after which the next step begins; null when this was the last one. */
  #rebuildSome(after: string | null, damagedSegments: readonly number[]): Promise<string | null> {
    const { replica, enqueue, announce, load } = this.#host;
    return enqueue(async (store) => {
      const step = await store.rebuildRows(after, replica.lastSegment);
      announce(replica.applyRows(step));
      this.rebuild(step);
      if (step.damaged.length > 0) await load();
      if (step.next === null) await store.moveRows(new Map(), damagedSegments, Infinity);
      return step.next;
    });
  }
}
