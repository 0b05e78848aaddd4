import type { Value } from "convex/values";
import type { CompiledFields } from "../shared/compiled-fields.js";
import type { RowFields } from "../shared/operations.js";
import { sameValue } from "../shared/values.js";
import type { LocalWrite } from "./local-write.js";
import { OutboxMirror, type OutboxCounts } from "./outbox-mirror.js";
import type { OutboxRecord } from "./records.js";
import type { Loaded, RowChanges, SettledChanges } from "./replica-store.js";
import { decodeRow } from "./rows.js";
import { viewOf, type BaseRow, type View } from "./view.js";

/** A row that appeared or changed, or, with `row: null`, went. */
export type ShownChange = { id: string; row: RowFields | null };

/** What one tab has in memory: base rows, the outbox, and what it shows of them. */
export class Replica {
  readonly #fields: CompiledFields;
  readonly #base = new Map<string, BaseRow>();
  readonly #shown = new Map<string, RowFields>();
  readonly #outbox = new OutboxMirror();
  #lastSegment = 0;
  #segments = 0;
  #segmentRows = 0;

  constructor(fields: CompiledFields) {
    this.#fields = fields;
  }

  /** The newest segment that has been applied. */
  get lastSegment(): number {
    return this.#lastSegment;
  }

  get shown(): ReadonlyMap<string, RowFields> {
    return this.#shown;
  }

  /** Documents that the server has, as far as is known here. */
  get size(): number {
    return this.#base.size;
  }

  /** What the server is known to have of a document. */
  base(document: string): BaseRow | undefined {
    return this.#base.get(document);
  }

  view(document: string): View {
    return viewOf(this.#base.get(document), this.#outbox.of(document), this.#fields);
  }

  /** Every record, oldest first; those that are not on disk yet come last. */
  records(): OutboxRecord[] {
    return this.#outbox.all();
  }

  recordsOf(document: string): readonly OutboxRecord[] {
    return this.#outbox.of(document);
  }

  /** How many log-structured segments there are, and how many of their rows are outdated. */
  get segmentLoad(): { segments: number; outdatedRows: number } {
    return { segments: this.#segments, outdatedRows: this.#segmentRows - this.#base.size };
  }

  counts(): Readonly<OutboxCounts> {
    return this.#outbox.counts;
  }

  /** Documents with changes to send, oldest first, and the places of all their sendable changes. */
  pending(): Map<string, number[]> {
    return this.#outbox.sendable();
  }

  /** Makes the record of a local change, in the life of the document that the user sees. */
  add(write: LocalWrite, madeAt: number | null = null): OutboxRecord {
    const { document, kind, operations } = write;
    const record = { seq: null, document, kind, generation: 0, operations, madeAt, rejected: null };
    this.#place(record);
    return record;
  }

  /** Local changes are on disk now, at these places. */
  saved(records: readonly OutboxRecord[], seqs: readonly number[]) {
    records.forEach((record, index) => this.#outbox.saved(record, seqs[index]!));
  }

  /** Takes over what is on disk; local changes that are not there yet stay on top. */
  load({ segments, records }: Loaded): Set<string> {
    const touched = this.#applySegments(segments);
    const unsaved = this.records().filter(({ seq }) => seq === null);
    for (const document of this.#outbox.documents()) touched.add(document);
    this.#outbox.clear();
    for (const record of records) this.#outbox.add(record);
    // Made before the disk was read: only now is it known which life of the document they are in.
    for (const record of unsaved) this.#place(record);
    for (const document of this.#outbox.documents()) touched.add(document);
    return touched;
  }

  /**
   * Applies rows that this tab itself has just stored as one segment, after those of other tabs.
   *
   * @returns the documents that may look different now.
   */
  applyRows({ rows, segment, missed }: RowChanges): Set<string> {
    const touched = this.#applySegments(missed);
    if (segment !== null) this.#countSegment(segment, rows.size);
    for (const [document, row] of rows) {
      this.#base.set(document, row);
      touched.add(document);
    }
    return touched;
  }

  /** Applies what an answer of the server did, in the same way. */
  applySettled({ done, changed, ...rows }: SettledChanges): Set<string> {
    const touched = this.applyRows(rows);
    for (const { document, seq } of done) this.#outbox.remove(document, (one) => one.seq === seq);
    for (const record of changed) this.#outbox.replace(record);
    for (const { document } of [...done, ...changed]) {
      this.#placeUnsaved(document);
      touched.add(document);
    }
    return touched;
  }

  #applySegments(segments: Loaded["segments"]): Set<string> {
    const touched = new Set<string>();
    for (const [key, segment] of segments) {
      this.#countSegment(key, segment.length);
      for (const row of segment) {
        this.#base.set(row[0], decodeRow(row));
        touched.add(row[0]);
      }
    }
    return touched;
  }

  /** The answer may have moved the life that changes were made in while it was being stored. */
  #placeUnsaved(document: string) {
    const unsaved = this.#outbox.remove(document, ({ seq }) => seq === null);
    for (const record of unsaved) this.#place(record);
  }

  /** Puts a record on top, into the life of the document that the user sees. */
  #place(record: OutboxRecord) {
    const { generation, row } = this.view(record.document);
    const starts = record.kind === "insert" && row === null;
    record.generation = starts ? generation + 1 : generation;
    this.#outbox.add(record);
  }

  #countSegment(key: number, rows: number) {
    this.#lastSegment = Math.max(this.#lastSegment, key);
    this.#segments += 1;
    this.#segmentRows += rows;
  }

  /** Forgets what it counted: all segments were folded, and will be read again. */
  recount() {
    this.#segments = 0;
    this.#segmentRows = 0;
  }

  /** What changed for the user in these documents since they were last asked about. */
  refresh(documents: Iterable<string>): ShownChange[] {
    const changes: ShownChange[] = [];
    for (const id of documents) {
      const { row } = this.view(id);
      const before = this.#shown.get(id);
      if (sameValue(before as Value | undefined, (row ?? undefined) as Value | undefined)) continue;
      if (row === null) this.#shown.delete(id);
      else this.#shown.set(id, row);
      changes.push({ id, row });
    }
    return changes;
  }
}
