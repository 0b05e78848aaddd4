import { convexToJson, type JSONValue, type Value } from "convex/values";
import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import type { RowFields } from "../shared/operations.js";
import { Emitter } from "./platform/emitter.js";
import { itemsOf, type OutboxItem, type RejectedChange } from "./outbox-items.js";
import { groupBy } from "./store/group-by.js";
import { bySeq, type OutboxRecord } from "./store/records.js";
import type { BaseRow } from "./store/rows.js";

/** Version of what `export()` makes. */
const EXPORT_VERSION = 1;

/** The outbox as plain JSON, to keep, to mail, and to apply elsewhere. */
export type OutboxExport = {
  version: typeof EXPORT_VERSION;
  /** The items of `list()`; `jsonToConvex` of `convex/values` makes each of them what it was. */
  items: JSONValue[];
};

/**
 * Local changes that the server has not accepted, and what can be done about refused ones. `list` and
 * `subscribe` are bound, and fit React's `useSyncExternalStore`.
 */
export interface Outbox<R> {
  /**
   * All of them, oldest first: the same array until one of them changes, and the same item until
   * that one does. Empty before the collection has started.
   */
  list(): readonly OutboxItem<R>[];
  /** Calls `listener` when `list()` has changed; the result stops it. */
  subscribe(listener: () => void): () => void;
  /**
   * Sends a refused change once more, as the newest of its document. Retry an insert before the
   * edits that were refused along with it: they are in that order in `list()`.
   *
   * @returns whether it was there to retry: not, when another call or another tab was first.
   * @throws {ReplicateError} `INVALID_ID` for anything but a number; `OUTBOX_CORRUPT` for a change whose
   * record is damaged: it can only be discarded; `STORAGE_FAILED`
   */
  retry(seq: number): Promise<boolean>;
  /**
   * Gives a refused change up for good. One that is pending may be on its way, and stays.
   *
   * @returns whether it was there to discard: not, when another call or another tab was first.
   * @throws {ReplicateError} `INVALID_ID` for anything but a number, `STORAGE_FAILED`
   */
  discard(seq: number): Promise<boolean>;
  /** Everything in the outbox as plain JSON; bytes and int64 in Convex's encoding. */
  export(): OutboxExport;
}

/** Where an outbox gets what it shows. */
export type OutboxSource = {
  fields: CompiledFields;
  records(): readonly OutboxRecord[];
  recordsOf(document: string): readonly OutboxRecord[];
  base(document: string): BaseRow | undefined;
  retry(seq: number): Promise<boolean>;
  discard(seq: number): Promise<boolean>;
};

/** What a document's items were made of; they are made again when any of it is another. */
type Made = { inputs: unknown[]; items: OutboxItem<RowFields>[] };

export class OutboxView implements Outbox<RowFields> {
  readonly #source: OutboxSource;
  readonly #changed = new Emitter<[]>();
  #listeners = 0;
  #isStale = true;
  #items: readonly OutboxItem<RowFields>[] = [];
  #byDocument = new Map<string, Made>();

  constructor(source: OutboxSource) {
    this.#source = source;
  }

  list = () => {
    if (this.#isStale) this.#refresh();
    return this.#items;
  };

  subscribe = (listener: () => void) => {
    this.list(); // what changes from here on is news
    this.#listeners += 1;
    const stop = this.#changed.on(listener);
    let isStopped = false;
    return () => {
      if (!isStopped) this.#listeners -= 1;
      isStopped = true;
      stop();
    };
  };

  retry = async (seq: number) => this.#source.retry(checkedSeq(seq));

  discard = async (seq: number) => this.#source.discard(checkedSeq(seq));

  export = (): OutboxExport => ({
    version: EXPORT_VERSION,
    items: this.list().map((item) => convexToJson(item as unknown as Value)),
  });

  /** Something that items are made of may have changed. */
  noteChange() {
    this.#isStale = true;
    if (this.#listeners === 0) return;
    const before = this.#items;
    if (this.list() !== before) this.#changed.emit();
  }

  /** The item of a record that was refused just now; null when someone has decided about it already. */
  rejectedItem({ document, seq }: OutboxRecord): RejectedChange<RowFields> | null {
    const made = this.#made(document, this.#source.recordsOf(document));
    this.#byDocument.set(document, made);
    const item = made.items.find((one) => one.seq === seq);
    return item?.status === "rejected" ? item : null;
  }

  #refresh() {
    this.#isStale = false;
    this.#byDocument = new Map(
      [...groupBy(this.#source.records(), (one) => one.document)].map(([document, records]) => [
        document,
        this.#made(document, records),
      ]),
    );
    const items = [...this.#byDocument.values()].flatMap((made) => made.items).sort(bySeq);
    if (!sameMembers(items, this.#items)) this.#items = items;
  }

  #made(document: string, records: readonly OutboxRecord[]): Made {
    const before = this.#byDocument.get(document);
    const base = this.#source.base(document);
    // A record that is read from disk again is another object with the same content.
    const inputs = [
      base,
      ...records.flatMap((one) => [
        one.seq ?? one,
        one.generation,
        one.rejected?.code,
        one.rejected?.message,
      ]),
    ];
    if (before && sameMembers(inputs, before.inputs)) return before;
    return { inputs, items: itemsOf(document, base, records, this.#source.fields) };
  }
}

function checkedSeq(seq: number): number {
  if (typeof seq === "number") return seq;
  throw new ReplicateError(
    "INVALID_ID",
    `retry() and discard() need the seq of a refused change in outbox.list(), but got ${seq === null ? "null: a change without one is not on disk yet, and so not refused" : `a value of type ${typeof seq}`}.`,
  );
}

function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
