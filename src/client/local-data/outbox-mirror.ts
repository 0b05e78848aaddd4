import { bySeq, type OutboxRecord } from "../store/records.js";

/** How many changes wait for the server, for the user, and for the disk (these wait for both). */
export type OutboxCounts = { pending: number; rejected: number; unsaved: number };

/**
 * The outbox as one tab has it in memory. It counts as it goes: the status is asked for with every
 * change, and weeks offline leave thousands of records.
 */
export class OutboxMirror {
  readonly #byDocument = new Map<string, OutboxRecord[]>();
  #counts: OutboxCounts = { pending: 0, rejected: 0, unsaved: 0 };

  get counts(): Readonly<OutboxCounts> {
    return this.#counts;
  }

  /** A document's records, oldest first. */
  of(document: string): readonly OutboxRecord[] {
    return this.#byDocument.get(document) ?? [];
  }

  documents(): Iterable<string> {
    return this.#byDocument.keys();
  }

  /** Every record, oldest first; those that are not on disk yet come last. */
  all(): OutboxRecord[] {
    return [...this.#byDocument.values()].flat().sort(bySeq);
  }

  /** Documents with changes to send, oldest first, and the places of all their sendable changes. */
  sendable(): Map<string, number[]> {
    const result: [document: string, seqs: number[]][] = [];
    for (const [document, records] of this.#byDocument) {
      const seqs = records.flatMap(({ seq, rejected }) => (seq === null || rejected ? [] : [seq]));
      if (seqs.length > 0) result.push([document, seqs]);
    }
    return new Map(result.sort(([, [a]], [, [b]]) => a! - b!));
  }

  add(record: OutboxRecord) {
    const records = this.#byDocument.get(record.document);
    if (records) records.push(record);
    else this.#byDocument.set(record.document, [record]);
    this.#count(record, 1);
  }

  /** Takes records out, and returns those that were in. */
  remove(document: string, which: (record: OutboxRecord) => boolean): OutboxRecord[] {
    const records = this.of(document);
    const removed = records.filter(which);
    if (removed.length === 0) return removed;
    const rest = records.filter((record) => !removed.includes(record));
    if (rest.length > 0) this.#byDocument.set(document, rest);
    else this.#byDocument.delete(document);
    for (const record of removed) this.#count(record, -1);
    return removed;
  }

  /** Puts a record in the place of the one with its `seq`. */
  replace(by: OutboxRecord) {
    const records = this.#byDocument.get(by.document);
    const index = records?.findIndex(({ seq }) => seq === by.seq) ?? -1;
    if (!records || index < 0) return;
    this.#count(records[index]!, -1);
    records[index] = by;
    this.#count(by, 1);
  }

  /** Notes that a record has got its place on disk. */
  saved(record: OutboxRecord, seq: number) {
    if (record.seq === null && this.of(record.document).includes(record)) this.#counts.unsaved -= 1;
    record.seq = seq;
  }

  clear() {
    this.#byDocument.clear();
    this.#counts = { pending: 0, rejected: 0, unsaved: 0 };
  }

  #count({ seq, rejected }: OutboxRecord, by: 1 | -1) {
    this.#counts[rejected === null ? "pending" : "rejected"] += by;
    if (seq === null) this.#counts.unsaved += by;
  }
}
