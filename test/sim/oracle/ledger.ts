import { fromStored, type OutboxRecord } from "../../../src/client/store/records.js";
import { unsealRecord } from "../../../src/client/store/stored.js";
import type { Device } from "../world/device.js";
import type { Effect } from "../world/server.js";
import type { Tab } from "../world/tab.js";

/** One local change, and what is known of what became of it. */
export type Write = {
  document: string;
  kind: "insert" | "update" | "remove";
  title: string;
  /** Its own key of `marks`, which nothing else ever writes; a removal has none. */
  mark: string | null;
  /** The marks that were shown. */
  seen: string[];
  tab: Tab;
  /** Whether the client has said that it is on disk. */
  isDurable: boolean;
  /** Whether it may be gone without a word, e.g. because its disk was deleted. */
  isExcused: boolean;
  /** Whether its page had it in memory when the disk was deleted, and has to store it again. */
  isCarried: boolean;
  /** Whether it may reach the server once more, and not as the same bytes. */
  isRepeated: boolean;
};

/** What users did, and what the client told them about it. */
export class Ledger {
  readonly writes: Write[] = [];
  /** Codes of refusals that were reported, by mark. */
  readonly rejected = new Map<string, string>();
  /** Documents and devices whose removals were reported as refused. */
  readonly #refusedRemovals = new Set<string>();
  readonly #byMark = new Map<string, Write>();

  add(write: Pick<Write, "document" | "kind" | "title" | "mark" | "seen" | "tab">): Write {
    const nothingYet = { isDurable: false, isExcused: false, isCarried: false, isRepeated: false };
    const whole = { ...write, ...nothingYet };
    this.writes.push(whole);
    if (write.mark) this.#byMark.set(write.mark, whole);
    return whole;
  }

  find(mark: string): Write | undefined {
    return this.#byMark.get(mark);
  }

  isRefusedRemoval({ document, tab }: Write): boolean {
    return this.#refusedRemovals.has(`${tab.device.name} ${document}`);
  }

  /** Takes note of what this page says now: it may be the last time. */
  listen(tab: Tab) {
    const records = tab.engine.records();
    for (const record of [...tab.rejected.splice(0), ...records]) {
      if (record.rejected === null) continue;
      const mark = markOf(record);
      if (mark) this.rejected.set(mark, record.rejected.code);
      else this.#refusedRemovals.add(`${tab.device.name} ${record.document}`);
    }
    for (const write of this.writes) {
      if (write.tab !== tab || write.isDurable || isUnsaved(write, records)) continue;
      // After a disk was lost, what a page knows of an older one says nothing about this one.
      write.isDurable = tab.device.disk.isOriginal || isOnDisk(write);
    }
  }

  /** A refused change gets another chance, and whatever becomes of it counts. */
  retried(record: OutboxRecord) {
    const mark = markOf(record);
    const write = mark && this.find(mark);
    if (!write) return;
    write.isRepeated = true;
    this.rejected.delete(mark);
  }

  /** A device's disk is copied: what waits there is sent by two. */
  repeat(device: Device) {
    for (const write of this.writes) if (write.tab.device === device) write.isRepeated = true;
  }

  /**
   * Bytes of an insert that were refused for now, and come once more when they would pass, are an insert
   * of someone who never knew of the document: where it was removed meanwhile, it is there again. And
   * what was refused together for now may pass together later, although one of it alone never will.
   */
  excuseLateBytes(effects: readonly Effect[], refused: ReadonlyMap<string, ReadonlySet<string>>) {
    const removed = new Set<string>();
    for (const { document, kind, marks, title } of effects) {
      if (kind === "remove") removed.add(document);
      if (!marks.some((mark) => refused.has(mark))) continue;
      // The rest of them may have been accepted one by one, so that the title is nothing new.
      const isWhole = marks.some((mark) => this.find(mark)!.title === title);
      const isJudgedAlone = marks.some(
        (mark) => marks.length > 1 && (refused.get(mark)?.size ?? 0) > 1,
      );
      if (!removed.has(document) && isWhole && !isJudgedAlone) continue;
      for (const mark of marks) this.find(mark)!.isRepeated = true;
    }
  }

  /**
   * A device's disk is about to be lost, or put back: only what is in the memory of a living page
   * survives, and that may already have reached the server.
   */
  forgetDisk(device: Device) {
    const remembered = new Set(
      device.tabs.flatMap((tab) => tab.engine.records().map((record) => markOf(record))),
    );
    for (const write of this.writes) {
      if (write.tab.device !== device) continue;
      write.isRepeated = true;
      if (write.mark === null || !remembered.has(write.mark)) write.isExcused = true;
      write.isDurable = false;
      write.isCarried = isPending(write);
    }
  }
}

function markOf({ operations }: OutboxRecord): string | null {
  for (const path of operations.keys()) {
    if (path.startsWith("marks/")) return path.slice("marks/".length);
  }
  return null;
}

/** Whether the page that it was made in is there and still has it to send. */
function isPending({ mark, tab }: Write): boolean {
  if (mark === null || !tab.isAlive) return false;
  return tab.engine.records().some((record) => markOf(record) === mark && !record.rejected);
}

function isUnsaved(write: Write, records: readonly OutboxRecord[]): boolean {
  return records.some(
    (record) =>
      record.seq === null &&
      record.document === write.document &&
      (write.mark === null ? record.kind === "remove" : markOf(record) === write.mark),
  );
}

function isOnDisk({ mark, tab }: Write): boolean {
  const outbox = [...(tab.device.disk.image.stores.get("outbox")?.values() ?? [])];
  return outbox.some((stored) => {
    const unsealed = unsealRecord(stored);
    return unsealed.kind === "intact" && markOf(fromStored(0, unsealed.value)) === mark;
  });
}
