import * as Y from "yjs";
import { loadPart } from "../../shared/plain-part.js";
import { EMPTY_STATE_VECTOR } from "../../shared/state-vector.js";
import { toArrayBuffer } from "../../shared/values.js";
import type { Held } from "../../shared/wire.js";
import type { BaseDocument } from "./base.js";
import { DAMAGED, decoding, orDamaged } from "./damaged.js";
import type { NumberedRecord } from "./mint.js";
import type { OutboxRecord, StoredRecord } from "./records.js";
import { intact, seal, unseal, type Unsealed } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";
import { NEVER_SYNCED, type StoredSyncPoint } from "./sync-point.js";
import { META } from "../storage/meta-keys.js";

// How single values lie in a storage: sealed, so that damage shows before it is believed.

export async function readSyncPoint(tx: StorageTransaction): Promise<StoredSyncPoint> {
  return intact<StoredSyncPoint>(await tx.get("meta", META.syncPoint)) ?? NEVER_SYNCED;
}

export function writeSyncPoint(tx: StorageTransaction, point: StoredSyncPoint): Promise<void> {
  return tx.put("meta", META.syncPoint, seal(point));
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
  const known = new Set(intact<string[]>(await tx.get("meta", META.transactions)) ?? []);
  const newest = [...[...known].slice(-REMEMBERED_KEYS), ...keys];
  await tx.put("meta", META.transactions, seal(newest));
  return known;
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
