import { ReplicateError } from "../../shared/errors.js";
import {
  decodeOperations,
  encodeOperations,
  type FlatRow,
  type Operations,
} from "../../shared/operations.js";
import type { OwnRefusal, Refusal } from "../../shared/refusal.js";

/**
 * One local change of one document that the server has not accepted yet (C4). Its operations are
 * applied over whatever the server has; the bytes that carry them are made only when it is sent.
 */
export type OutboxRecord = {
  /** Order of local changes; null until the record is on disk. */
  seq: number | null;
  document: string;
  kind: "insert" | "update" | "remove";
  /** The generation of the document that the user saw; for an insert, the one that it starts. */
  generation: number;
  operations: Operations;
  /** When it was made, in ms since the epoch by this device's clock; null when that is not known. */
  madeAt: number | null;
  /** Names what may come again, its transaction or its place on a lost disk: only the first is stored. */
  idempotencyKey?: string;
  /** Made while another disk was there, which was lost: the new one knows nothing of its document yet. */
  isOrphaned?: true;
  /** Why the server refused it; such a record waits for the user and is not shown or sent. */
  rejected: Refusal | null;
  /** The row that it made, where the document has gone from here since. */
  row?: FlatRow;
};

/** The part of a record that a local change itself determines. */
export type LocalWrite = Pick<OutboxRecord, "document" | "kind" | "operations" | "idempotencyKey">;

/** Returned instead of a `seq` for a record whose transaction was stored before. */
export const NO_PLACE = 0;

/** A record as it is stored. */
export type StoredRecord = Omit<
  OutboxRecord,
  "seq" | "operations" | "idempotencyKey" | "isOrphaned" | "row"
> & {
  operations: string;
  row?: string;
  /** The `seq` of the first record that went into the same update, once that update was made. */
  group: number | null;
  /** In a group's first record: exactly the bytes to send until they are answered; null removes. */
  update: Uint8Array | null;
  /** Once the update was made: the generation that its push names, see `generationToPush`. */
  pushedAs?: number;
  /** After its group was refused, a record is judged on its own. */
  alone: boolean;
};

export function toStored(from: OutboxRecord): StoredRecord {
  const { document, kind, generation, madeAt, rejected, operations } = from;
  return {
    ...{ document, kind, generation, madeAt, rejected },
    operations: encodeOperations(operations),
    group: null,
    update: null,
    alone: false,
  };
}

export function fromStored(seq: number, stored: StoredRecord): OutboxRecord {
  const { document, kind, generation, rejected, madeAt, row } = stored;
  return {
    seq,
    document,
    kind,
    generation,
    rejected,
    madeAt: madeAt ?? null,
    operations: decodeOperations(stored.operations),
    ...(row !== undefined && { row: decodeOperations(row) as FlatRow }),
  };
}

const UNREADABLE: Record<"damaged" | "newer", OwnRefusal> = {
  damaged: {
    code: "OUTBOX_CORRUPT",
    message:
      "This change was damaged on disk and cannot be sent. Discard it once you have exported it.",
  },
  newer: {
    code: "NEWER_DATA",
    message:
      "A newer version of this app made this change, and sends it. Reload the page to get that version.",
  },
};

/** What a record says of itself, valid or not. */
export function claimsOf(stored: unknown): { document?: unknown; group?: unknown } {
  const { value } = (stored ?? {}) as { value?: unknown };
  return typeof value === "object" && value !== null ? value : {};
}

/** Stands for a stored record that cannot be read: it waits for the user, and stops no other. */
export function unreadable(
  seq: number,
  stored: unknown,
  kind: keyof typeof UNREADABLE,
): OutboxRecord {
  const { document } = claimsOf(stored);
  return {
    seq,
    document: typeof document === "string" ? document : "",
    kind: "update",
    generation: 0,
    operations: new Map(),
    madeAt: null,
    rejected: UNREADABLE[kind],
  };
}

function isUnreadable({ rejected }: OutboxRecord): boolean {
  return rejected === UNREADABLE.newer || rejected === UNREADABLE.damaged;
}

/** Whether a newer version of the app has to send it, before anything else of its document. */
export function isNewer({ rejected }: OutboxRecord): boolean {
  return rejected === UNREADABLE.newer;
}

export function corruptOutbox(): ReplicateError {
  return new ReplicateError("OUTBOX_CORRUPT", UNREADABLE.damaged.message);
}

/** Order of local changes; those that are not on disk yet come last, as they were made. */
export function bySeq(a: { seq: number | null }, b: { seq: number | null }): number {
  return (a.seq ?? Infinity) - (b.seq ?? Infinity) || 0;
}

/** Records that are rejected now and were not `before`; of new ones, those that nobody can read. */
export function newlyRejected(
  before: readonly OutboxRecord[],
  now: readonly OutboxRecord[],
): OutboxRecord[] {
  const known = new Map(before.map((record) => [record.seq, record]));
  return now.filter((record) => {
    const old = known.get(record.seq);
    return record.rejected && (old ? old.rejected === null : isUnreadable(record));
  });
}
