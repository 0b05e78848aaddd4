import type { Value } from "convex/values";
import type { CompiledFields } from "../../shared/compiled-fields.js";
import type { RowFields } from "../../shared/operations.js";
import { sameValue } from "../../shared/values.js";
import { BaseRows, type RowMove } from "./base-rows.js";
import { OutboxMirror, type OutboxCounts } from "./outbox-mirror.js";
import { isNewer, NO_PLACE, type LocalWrite, type OutboxRecord } from "../store/records.js";
import type { SettledChanges } from "../store/answers.js";
import type { Loaded } from "../store/replica-store.js";
import type { DamagedDocuments } from "../store/repair.js";
import type { BaseRow, RowChanges } from "../store/rows.js";
import { generationOf, viewOf, type View } from "./view.js";

/** Own records after the last that was read with all before it, at most. */
const MAX_UNREAD = 500;

/** A row that appeared or changed, or, with `row: null`, went. */
export type ShownChange = { id: string; row: RowFields | null };

/** What a page had in memory when it lost its disk. */
export type Former = {
  /** What the server was known to have. */
  base: ReadonlyMap<string, BaseRow>;
  shown: ReadonlyMap<string, RowFields>;
};

/** What one tab has in memory: base rows, the outbox, and what it shows of them. */
export class Replica {
  readonly #fields: CompiledFields;
  readonly #base: BaseRows;
  /** What a lost disk had of documents, which stands in for the base until everything is here again. */
  #former: Former["base"] | null;
  readonly #shown: Map<string, RowFields>;
  readonly #outbox = new OutboxMirror();
  #isRead = false;
  #lastRead = 0;
  #unread = 0;
  /** Documents whose changes wait: the server's state of them has to be recovered. */
  #damaged: DamagedDocuments = new Map();
  /** Whether all changes wait: everything is being loaded again. */
  #isResetting = false;
  /** Documents whose changes wait until a newer version of the app has sent its own. */
  #held: readonly string[] = [];

  /** @param former Of the replica whose place this one takes, as its disk was lost. */
  constructor(fields: CompiledFields, former: Former | null = null) {
    this.#fields = fields;
    this.#base = new BaseRows(fields.tree);
    this.#former = former?.base ?? null;
    this.#shown = new Map(former?.shown);
  }

  /** What another one needs to go on where this one's disk was lost. */
  former(): Former {
    return { base: new Map([...(this.#former ?? []), ...this.#base.all()]), shown: this.#shown };
  }

  /** Whether it still needs what a lost disk had. */
  get hasFormer(): boolean {
    return this.#former !== null;
  }

  /**
   * Everything is here again.
   *
   * @returns the documents that may look different now.
   */
  forgetFormer(): string[] {
    this.#former = null;
    return [...this.#shown.keys()];
  }

  /** Every record on disk up to this place is known; of later ones perhaps only this tab's own. */
  get lastRead(): number {
    return this.#lastRead;
  }

  /**
   * Whether so many of this tab's own records follow `lastRead` that the outbox should be read again:
   * every push reads all that follow.
   */
  get isLongUnread(): boolean {
    return this.#unread > MAX_UNREAD;
  }

  /** The newest segment that has been applied. */
  get lastSegment(): number {
    return this.#base.lastSegment;
  }

  /** Documents that are damaged here and have to be loaded again. */
  get damaged(): DamagedDocuments {
    return this.#damaged;
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
    return this.#base.get(document) ?? this.#former?.get(document);
  }

  view(document: string): View {
    return viewOf(this.base(document), this.#outbox.of(document), this.#fields);
  }

  /** Every record, oldest first; those that are not on disk yet come last. */
  records(): OutboxRecord[] {
    return this.#outbox.all();
  }

  recordsOf(document: string): readonly OutboxRecord[] {
    return this.#outbox.of(document);
  }

  compaction(): RowMove | null {
    return this.#base.compaction();
  }

  counts(): Readonly<OutboxCounts> {
    return this.#outbox.counts;
  }

  /** Documents with changes to send, oldest first, and the places of all their sendable changes. */
  pending(): Map<string, number[]> {
    if (this.#isResetting) return new Map();
    const sendable = this.#outbox.sendable();
    for (const document of [...this.#damaged.keys(), ...this.#held]) sendable.delete(document);
    for (const document of sendable.keys())
      if (this.#isMissing(document)) sendable.delete(document);
    return sendable;
  }

  /** Makes the record of a local change, in the generation of the document that the user sees. */
  add(write: LocalWrite, madeAt: number | null): OutboxRecord {
    const record = this.draft(write, madeAt);
    this.#outbox.add(record);
    return record;
  }

  /** The same for a change that is shown only once it is on disk. */
  draft(write: LocalWrite, madeAt: number | null): OutboxRecord {
    return { seq: null, generation: this.#generationOf(write), madeAt, rejected: null, ...write };
  }

  /**
   * Local changes that are on no disk. Those that other tabs may have as well get an idempotency key.
   *
   * @param disk Id of the lost disk, if that is known.
   * @param isDiskNewer Whether a newer page has it now, and what was stored with it.
   */
  orphaned(disk: string | undefined, isDiskNewer: boolean): OutboxRecord[] {
    return this.records().flatMap((record) => {
      const { seq } = record;
      if (seq === null) return record;
      if (isDiskNewer) return [];
      return disk === undefined ? record : { ...record, idempotencyKey: `${disk}/${seq}` };
    });
  }

  /** Takes over changes whose disk was lost, in the generations of documents that they were made in. */
  adopt(records: readonly OutboxRecord[]): OutboxRecord[] {
    const orphaned = records.map((one) => ({ ...one, seq: null, isOrphaned: true as const }));
    for (const record of orphaned) this.#outbox.add(record);
    return orphaned;
  }

  /**
   * Local changes are on disk now, at these places; or they are dropped, with `NO_PLACE`.
   *
   * @returns the documents that may look different now.
   */
  saved(records: readonly OutboxRecord[], seqs: readonly number[]): string[] {
    this.#unread += records.length;
    const dropped = records.filter((_, index) => seqs[index] === NO_PLACE);
    for (const record of dropped) this.#outbox.remove(record.document, (one) => one === record);
    records.forEach((record, index) => this.#outbox.saved(record, seqs[index]!));
    return dropped.map(({ document }) => document);
  }

  /** Takes over what is on disk; local changes that are not there yet stay on top. */
  load({ point, segments, records, damaged }: Loaded): Set<string> {
    this.#isResetting = point.reset !== undefined;
    this.#damaged = damaged;
    this.#held = records.filter(isNewer).map(({ document }) => document);
    const touched = this.#applySegments(segments);
    const unsaved = this.records().filter(({ seq }) => seq === null);
    for (const document of this.#outbox.documents()) touched.add(document);
    this.#outbox.clear();
    this.#unread = 0;
    for (const record of records) {
      this.#outbox.add(record);
      this.#lastRead = Math.max(this.#lastRead, record.seq!);
    }
    for (const record of unsaved) {
      // Made before the disk was read: only now is it known which generation of the document that was.
      if (!this.#isRead && !record.isOrphaned) record.generation = this.#generationOf(record);
      this.#outbox.add(record);
    }
    this.#isRead = true;
    for (const document of this.#outbox.documents()) touched.add(document);
    return touched;
  }

  /**
   * Applies rows that this tab itself has just stored as one segment, after those of other tabs.
   *
   * @returns the documents that may look different now.
   */
  applyRows({ rows, segment, missed }: RowChanges): Set<string> {
    const own: Loaded["segments"] = segment === null ? [] : [[segment, [...rows]]];
    return this.#applySegments([...missed, ...own]);
  }

  /** Applies a step of compaction, after which those segments are gone. */
  applyMoved(moved: RowChanges, from: readonly number[]): Set<string> {
    const touched = this.applyRows(moved);
    this.#base.forget(from);
    return touched;
  }

  /** Applies what an answer of the server did, in the same way. */
  applySettled({ done, changed, ...rows }: SettledChanges): Set<string> {
    const touched = this.applyRows(rows);
    for (const { document, seq } of done) this.#outbox.remove(document, (one) => one.seq === seq);
    for (const record of changed) this.#outbox.replace(record);
    for (const { document } of [...done, ...changed]) touched.add(document);
    return touched;
  }

  /** Whether it is known only from a lost disk: what builds on it has nothing to build on yet. */
  #isMissing(document: string): boolean {
    return this.#former?.has(document) === true && this.#base.get(document) === undefined;
  }

  #applySegments(segments: Loaded["segments"]): Set<string> {
    const touched = new Set<string>();
    for (const [key, segment] of segments) {
      this.#base.add(key, segment);
      for (const [document] of segment) touched.add(document);
    }
    return touched;
  }

  #generationOf({ document, kind }: Pick<OutboxRecord, "document" | "kind">): number {
    return generationOf(kind, this.base(document), this.#outbox.of(document), this.#fields);
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
