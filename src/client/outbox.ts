import type { Engine } from "./engine.js";
import type { OutboxRecord, Rejection } from "./records.js";

/** A change that waits to be sent or answered. */
export type PendingChange = {
  /** Its place; null while it is not on disk yet. */
  seq: number | null;
  document: string;
  kind: "insert" | "update" | "remove";
  rejected: null;
};

/** A change that the server refused, and that waits for you to retry or discard it. */
export type RejectedChange<R> = {
  seq: number;
  document: string;
  kind: PendingChange["kind"];
  rejected: Rejection;
  /** The row as this change wanted it; null for a removal. */
  row: R | null;
  /** The row as the server has it; null when there is none. */
  base: R | null;
};

/** Local changes that the server has not accepted, and what can be done about refused ones. */
export type Outbox<R> = {
  /** All of them, oldest first. */
  list(): (PendingChange | RejectedChange<R>)[];
  /** Sends a refused change once more. */
  retry(seq: number): Promise<void>;
  /** Gives a refused change up; one that is still pending may be on its way, and stays. */
  discard(seq: number): Promise<void>;
};

export function outboxOf<R>(engine: Engine): Outbox<R> {
  return {
    list: () =>
      engine.records().map((record) => {
        const { seq, document, kind } = record;
        return rejectedChange<R>(engine, record) ?? { seq, document, kind, rejected: null };
      }),
    retry: (seq) => engine.retry(seq),
    discard: (seq) => engine.discard(seq),
  };
}

/** What to tell of a refused change; null when it is not refused. */
export function rejectedChange<R>(engine: Engine, record: OutboxRecord): RejectedChange<R> | null {
  const { seq, document, kind, rejected } = record;
  if (rejected === null || seq === null) return null;
  const { base, row } = engine.rowsOf(record);
  const withId = (fields: object | null) => fields && ({ id: document, ...fields } as R);
  return { seq, document, kind, rejected, row: withId(row), base: withId(base) };
}
