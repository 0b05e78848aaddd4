import * as Y from "yjs";
import { loadPart } from "../../shared/plain-part.js";
import { EMPTY_STATE_VECTOR } from "../../shared/state-vector.js";
import { toArrayBuffer } from "../../shared/values.js";
import type { Held } from "../../shared/wire.js";
import type { BaseDocument } from "./base.js";
import { DAMAGED, decoding, orDamaged } from "./damaged.js";
import type { NumberedRecord } from "./mint.js";
import type { OutboxRecord, StoredRecord } from "./records.js";
import { decodeSegment, encodeSegment, type BaseRow, type Segment } from "./rows.js";
import { forEach } from "../storage/for-each.js";
import { intact, seal, unseal, type Unsealed } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";
import { NEVER_SYNCED, type StoredSync } from "./sync-point.js";

// How single values lie in a storage: sealed, so that damage shows before it is believed.

/** Base rows that changed, and the key of the segment that holds them. */
export type RowChanges = {
  rows: Map<string, BaseRow>;
  segment: number | null;
  /** What other tabs stored before that segment, and the caller has not seen. */
  missed: [key: number, Segment][];
};

export async function readSync(tx: StorageTransaction): Promise<StoredSync> {
  return intact<StoredSync>(await tx.get("meta", "sync")) ?? NEVER_SYNCED;
}

export function writeSync(tx: StorageTransaction, sync: StoredSync): Promise<void> {
  return tx.put("meta", "sync", seal(sync));
}

export async function readBase(
  tx: StorageTransaction,
  document: string,
): Promise<BaseDocument | undefined | typeof DAMAGED> {
  const stored = await tx.get("documents", document);
  return stored === undefined ? undefined : decodeBase(stored);
}

export function decodeBase(stored: unknown): BaseDocument | typeof DAMAGED {
  return intact<BaseDocument>(stored) ?? DAMAGED;
}

export function writeBase(
  tx: StorageTransaction,
  document: string,
  base: BaseDocument,
): Promise<void> {
  return tx.put("documents", document, seal(base));
}

/** Records that are there and can be trusted; others show at the next load, and stay as they are. */
export async function readRecords(
  tx: StorageTransaction,
  seqs: readonly number[],
): Promise<NumberedRecord[]> {
  const stored = await Promise.all(seqs.map((seq) => tx.get("outbox", seq)));
  return seqs.flatMap((seq, index) => {
    const unsealed = unsealRecord(stored[index]);
    return unsealed.kind === "intact" ? [{ seq, record: unsealed.value }] : [];
  });
}

export function unsealRecord(stored: unknown): Unsealed<StoredRecord> {
  return unseal<StoredRecord>(stored);
}

export function addRecord(tx: StorageTransaction, record: StoredRecord): Promise<number> {
  return tx.add("outbox", seal(record));
}

export async function putRecords(tx: StorageTransaction, records: readonly NumberedRecord[]) {
  await Promise.all(records.map(({ seq, record }) => tx.put("outbox", seq, seal(record))));
}

export async function deleteRecords(tx: StorageTransaction, records: readonly NumberedRecord[]) {
  await Promise.all(records.map(({ seq }) => tx.delete("outbox", seq)));
}

/**
 * Transactions that are remembered as stored, besides the newest. One that comes again comes soon: with
 * the next start of the page that was to forget it.
 */
const REMEMBERED_KEYS = 200;

/** Remembers the keys of these records, and returns those that were remembered before. */
export async function takeKeys(
  tx: StorageTransaction,
  records: readonly OutboxRecord[],
): Promise<ReadonlySet<string | undefined>> {
  const keys = new Set(records.flatMap(({ idempotencyKey }) => idempotencyKey ?? []));
  if (keys.size === 0) return new Set();
  const known = new Set(intact<string[]>(await tx.get("meta", "transactions")) ?? []);
  const newest = [...[...known].slice(-REMEMBERED_KEYS), ...keys];
  await tx.put("meta", "transactions", seal(newest));
  return known;
}

/** Segments after a key, and the keys of those that are damaged. */
export async function readSegments(
  tx: StorageTransaction,
  after: number,
): Promise<{ segments: [number, Segment][]; damaged: number[] }> {
  const segments: [number, Segment][] = [];
  const damaged: number[] = [];
  for (const [key, stored] of (await tx.getAll("rows", after)) as [number, unknown][]) {
    const segment = decodeSegment(stored);
    if (segment) segments.push([key, segment]);
    else damaged.push(key);
  }
  return { segments, damaged };
}

/** @param seen The newest segment that the caller knows. */
export async function addSegment(
  tx: StorageTransaction,
  rows: Map<string, BaseRow>,
  seen: number,
): Promise<RowChanges> {
  // Also when there is nothing to add: what an answer settles, another tab may have added before.
  const { segments: missed } = await readSegments(tx, seen);
  if (rows.size === 0) return { rows, segment: null, missed };
  return { rows, segment: await tx.add("rows", encodeSegment(rows)), missed };
}

/** Adds those rows that nothing newer replaces, and drops the segments that they were in. */
export async function moveRows(
  tx: StorageTransaction,
  rows: ReadonlyMap<string, BaseRow>,
  from: readonly number[],
  seen: number,
): Promise<RowChanges> {
  const { segments: missed } = await readSegments(tx, seen);
  const newer = new Set(missed.flatMap(([, segment]) => segment.map(([document]) => document)));
  const moved = new Map([...rows].filter(([document]) => !newer.has(document)));
  await Promise.all(from.map((key) => tx.delete("rows", key)));
  const { segment } = await addSegment(tx, moved, Infinity);
  return { rows: moved, segment, missed };
}

/**
 * Documents whose damaged base has been given up, and not been recovered from the server yet, each with
 * a number that is drawn anew whenever a page passes it by: an answer that was asked for under another
 * number may be older than that page (C7).
 */
export type Refetched = ReadonlyMap<string, number>;

/** Whether there is something in one that the other has not. */
export function isMore(one: Refetched, other: Refetched): boolean {
  return [...one.keys()].some((document) => !other.has(document));
}

/** @param mend Whether to write the list anew where it was damaged; not in a transaction that only reads. */
export async function readRefetched(
  tx: StorageTransaction,
  { mend = false } = {},
): Promise<Map<string, number>> {
  const stored = await tx.get("meta", "refetch");
  const listed = stored === undefined ? [] : intact<[string, number][]>(stored);
  const refetched = new Map(listed ?? (await findRefetched(tx)));
  if (!listed && mend) await writeRefetched(tx, refetched);
  return refetched;
}

/**
 * The same from what giving up left of the documents. One that the server never had, and of which a
 * change was refused, looks alike; to ask for it as well does no harm.
 */
async function findRefetched(tx: StorageTransaction): Promise<[string, number][]> {
  const found: [string, number][] = [];
  await forEach(tx, "documents", (document, stored) => {
    const base = decodeBase(stored);
    if (base === DAMAGED || base.clientId === null) return;
    if (base.generation === 0 && base.updates.length === 0) {
      found.push([String(document), base.clientId]);
    }
  });
  return found;
}

export async function writeRefetched(tx: StorageTransaction, refetched: Refetched) {
  if (refetched.size > 0) await tx.put("meta", "refetch", seal([...refetched]));
  else await tx.delete("meta", "refetch");
}

/** What there is of a document to add to; nothing where its base is damaged, or given up. */
export async function readHeld(tx: StorageTransaction, document: string): Promise<Held> {
  const base = await readBase(tx, document);
  const nothing = { document, generation: 0, stateVector: toArrayBuffer(EMPTY_STATE_VECTOR) };
  if (base === undefined || base === DAMAGED) return nothing;
  const vector = orDamaged(() => decoding(() => Y.encodeStateVector(loadPart(base.updates))));
  if (vector === DAMAGED) return nothing;
  return { document, generation: base.generation, stateVector: toArrayBuffer(vector) };
}
