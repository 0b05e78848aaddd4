import type { Engine } from "./engine.js";
import type { OutboxRecord, Rejection } from "./records.js";

/** A local change that the server has not accepted. */
export type OutboxItem = {
  /** Its place; null while it is not on disk yet. */
  seq: number | null;
  document: string;
  kind: "insert" | "update" | "remove";
  /** Why the server refused it; null while it is waiting to be sent. */
  rejected: Rejection | null;
};

/** Local changes that the server has not accepted, and what can be done about refused ones. */
export type Outbox = {
  /** All of them, oldest first. */
  list(): OutboxItem[];
  /** Sends a refused change once more. */
  retry(seq: number): Promise<void>;
  /** Gives a change up: the row goes back to what the server has. */
  discard(seq: number): Promise<void>;
};

/** A change that the server refused, with the row it wanted and the one the server has. */
export type RejectedChange<R> = Rejection & {
  seq: number;
  document: string;
  kind: OutboxItem["kind"];
  row: R | null;
  base: R | null;
};

export function outboxOf(engine: Engine): Outbox {
  return {
    list: () =>
      engine
        .records()
        .map(({ seq, document, kind, rejected }) => ({ seq, document, kind, rejected })),
    retry: (seq) => engine.retry(seq),
    discard: (seq) => engine.discard(seq),
  };
}

export function rejectionOf<R>(engine: Engine, record: OutboxRecord): RejectedChange<R> {
  const { seq, document, kind, rejected } = record;
  const { base, row } = engine.rowsOf(record);
  const withId = (fields: object | null) => fields && ({ id: document, ...fields } as R);
  return { seq: seq!, document, kind, ...rejected!, row: withId(row), base: withId(base) };
}
