import type { CompiledFields } from "../shared/compiled-fields.js";
import type { Change, Result, Sender, StreamEntry } from "../shared/wire.js";
import { advance, emptyBase, type BaseDocument } from "./base.js";
import { Device } from "./device.js";
import { pinIdentity, type Identity } from "./identity.js";
import { mint, restartInserts, withBytes, type NumberedRecord } from "./mint.js";
import { fromStored, toStored, type OutboxRecord, type StoredRecord } from "./records.js";
import { encodeRow, type Segment } from "./rows.js";
import { isAnswerOf, reject, REMOVED, settleGroup } from "./settle.js";
import { STORES, type StorageConnection, type StorageTransaction } from "./storage/storage.js";
import type { BaseRow } from "./view.js";

/** How far this device has followed the server. */
export type SyncPoint = {
  cursor: string | null;
  /** Whether a first load ever reached the end. */
  complete: boolean;
  /** When the end was last reached, in ms since the epoch. */
  syncedAt: number | null;
};

export type Loaded = {
  sync: SyncPoint;
  segments: [key: number, Segment][];
  records: OutboxRecord[];
};

/** Base rows that changed, and the key of the segment that holds them. */
export type RowChanges = {
  rows: Map<string, BaseRow>;
  segment: number | null;
  /** What other tabs stored before that segment, and the caller has not seen. */
  missed: Loaded["segments"];
};

/** What an answer changed: base rows, records that are done with, and records that stay, changed. */
export type SettledChanges = RowChanges & { done: OutboxRecord[]; changed: OutboxRecord[] };

/** A change that is on disk exactly as it goes out, and the records it stands for. */
export type Outgoing = { change: Change; seqs: number[]; sender: Sender };

const NEVER_SYNCED: SyncPoint = { cursor: null, complete: false, syncedAt: null };

/** Rows in one segment after compaction; 200 to 500 measured best (engines §2.3 a). */
export const SEGMENT_ROWS = 500;

/**
 * The rules about what is stored together, over any storage. Every method is one transaction: a
 * crash between two of them loses nothing, and nothing takes effect twice.
 */
export class ReplicaStore {
  readonly #storage: StorageConnection;
  readonly #fields: CompiledFields;
  readonly #device: Device;

  /** @param random Numbers from 0 to 1, for client ids. */
  constructor(storage: StorageConnection, fields: CompiledFields, random: () => number) {
    this.#storage = storage;
    this.#fields = fields;
    this.#device = new Device(random);
  }

  close() {
    this.#storage.close();
  }

  /** What it takes to show rows, with no CRDT work; `after` skips segments already seen. */
  load(after?: number): Promise<Loaded> {
    return this.#storage.transaction("read", ["meta", "rows", "outbox"], async (tx) => {
      const [sync, segments, records] = await Promise.all([
        tx.get("meta", "sync"),
        tx.getAll("rows", after),
        tx.getAll("outbox"),
      ]);
      return {
        sync: (sync as SyncPoint | undefined) ?? NEVER_SYNCED,
        segments: segments as [number, Segment][],
        records: records.map(([seq, value]) => fromStored(seq as number, value as StoredRecord)),
      };
    });
  }

  /** Stores local changes; resolves to their places in the outbox once they are durable (C3). */
  addRecords(records: readonly OutboxRecord[]): Promise<number[]> {
    return this.#storage.transaction("durable", ["outbox"], (tx) =>
      Promise.all(records.map((record) => tx.add("outbox", toStored(record)))),
    );
  }

  /**
   * Stores log entries and the position after them together (C7).
   *
   * @param seen The newest segment of rows that the caller knows.
   */
  applyPage(entries: readonly StreamEntry[], sync: SyncPoint, seen: number): Promise<RowChanges> {
    return this.#storage.transaction("write", ["meta", "documents", "rows"], async (tx) => {
      const rows = new Map<string, BaseRow>();
      await Promise.all(
        [...groupByDocument(entries)].map(async ([document, own]) => {
          const advanced = advance(await readBase(tx, document), own, this.#fields.tree);
          if (advanced === null) return;
          rows.set(document, { generation: advanced.base.generation, row: advanced.row });
          await tx.put("documents", document, advanced.base);
        }),
      );
      await tx.put("meta", "sync", sync);
      return addSegment(tx, rows, seen);
    });
  }

  /** @throws {ReplicateError} `IDENTITY_CHANGED` when the data belongs to someone else. */
  identify(identity: Identity): Promise<void> {
    return this.#storage.transaction("durable", ["meta"], (tx) => pinIdentity(tx, identity));
  }

  /**
   * Makes, and stores, the bytes to send for these documents; nothing is minted for a document
   * whose earlier bytes still wait for an answer, whichever tab made them (C4).
   *
   * @returns what to send, for fewer documents than asked where records were gone, cancelled or
   * rejected on the way.
   */
  mint(documents: ReadonlyMap<string, number[]>): Promise<Outgoing[]> {
    return this.#storage.transaction("durable", ["meta", "documents", "outbox"], async (tx) => {
      const { clientId: deviceId, sender } = await this.#device.enter(tx);
      const outgoing: Outgoing[] = [];
      for (const [document, seqs] of documents) {
        const records = (await readRecords(tx, seqs)).filter(({ record }) => !record.rejected);
        if (records.length === 0) continue;
        const base = (await tx.get("documents", document)) as BaseDocument | undefined;
        await putRecords(tx, restartInserts(records, base));
        // An insert builds on nothing, so its clocks start at 0: where this device may have used its
        // own id already, the server would take the insert for something it has (C6).
        const isKnown = base?.live && records[0]!.record.kind === "insert";
        const clientId = isKnown ? this.#device.newClientId() : (base?.clientId ?? deviceId);
        const minted = mint(records, base, clientId);
        if (minted.kind === "send") {
          if (minted.fresh) {
            const part = minted.change.parts[0];
            await putRecords(
              tx,
              withBytes(minted.group, part ? new Uint8Array(part.update) : null),
            );
          }
          const seqs = minted.group.map(({ seq }) => seq);
          outgoing.push({ change: minted.change, seqs, sender });
          continue;
        }
        if (minted.kind === "cancelled") await deleteRecords(tx, minted.group);
        else
          await putRecords(
            tx,
            minted.group.map((one) => reject(one, REMOVED)),
          );
      }
      return outgoing;
    });
  }

  /**
   * Applies the server's answers: what was accepted moves from the outbox into the base (C4).
   *
   * @param seen The newest segment of rows that the caller knows.
   */
  settle(
    answers: readonly { outgoing: Outgoing; result: Result; seqs: number[] }[],
    seen: number,
  ): Promise<SettledChanges> {
    return this.#storage.transaction("durable", STORES, async (tx) => {
      const rows = new Map<string, BaseRow>();
      const done: NumberedRecord[] = [];
      const changed: NumberedRecord[] = [];
      let isCopied = false;
      for (const { outgoing, result, seqs } of answers) {
        const { change } = outgoing;
        const all = await readRecords(tx, seqs);
        const group = all.filter(({ seq }) => outgoing.seqs.includes(seq));
        // Another tab may have settled the same answer already.
        if (group.length === 0 || !isAnswerOf(group, change)) continue;
        const base = await readBase(tx, change.document);
        const answer = { all, group, change, result };
        const freshId = this.#device.newClientId();
        const settled = settleGroup(base, answer, this.#fields.tree, freshId);
        const { clientId } = settled;
        // Sent by a page before this one, it says nothing of what this one sends.
        if (clientId === "taken" && !(await this.#device.isCurrent(tx, outgoing.sender))) continue;
        if (clientId === "taken" && base.clientId === null) isCopied = true;
        done.push(...settled.done);
        changed.push(...settled.changed);
        let next = settled.advanced?.base ?? base;
        if (clientId === "fresh" || (clientId === "taken" && base.clientId !== null)) {
          next = { ...next, clientId: freshId };
        }
        if (next !== base) await tx.put("documents", change.document, next);
        if (settled.advanced) {
          rows.set(change.document, { generation: next.generation, row: settled.advanced.row });
        }
      }
      if (isCopied) await this.#device.renew(tx);
      await deleteRecords(tx, done);
      await putRecords(tx, changed);
      const added = await addSegment(tx, rows, seen);
      return { ...added, done: done.map(recordOf), changed: changed.map(recordOf) };
    });
  }

  /**
   * Gives a rejected record another chance, as the newest change of its document.
   *
   * @returns whether it was there, and rejected.
   */
  retry(seq: number): Promise<boolean> {
    return this.#storage.transaction("durable", ["documents", "outbox"], async (tx) => {
      const record = (await tx.get("outbox", seq)) as StoredRecord | undefined;
      if (!record?.rejected) return false;
      const generation = await currentGeneration(tx, record);
      await tx.delete("outbox", seq);
      await tx.add("outbox", { ...record, generation, rejected: null });
      return true;
    });
  }

  /**
   * Gives a rejected record up. A pending one stays: it may be the head of bytes on their way.
   *
   * @returns whether it was there, and rejected.
   */
  discard(seq: number): Promise<boolean> {
    return this.#storage.transaction("durable", ["outbox"], async (tx) => {
      const record = (await tx.get("outbox", seq)) as StoredRecord | undefined;
      if (!record?.rejected) return false;
      await tx.delete("outbox", seq);
      return true;
    });
  }

  /** Folds all segments into as few as hold the newest row of each document. */
  compactRows(): Promise<void> {
    return this.#storage.transaction("write", ["rows"], async (tx) => {
      const newest = new Map<string, Segment[number]>();
      for (const [, segment] of await tx.getAll("rows")) {
        for (const row of segment as Segment) newest.set(row[0], row);
      }
      await tx.clear("rows");
      const rows = [...newest.values()];
      for (let at = 0; at < rows.length; at += SEGMENT_ROWS) {
        await tx.add("rows", rows.slice(at, at + SEGMENT_ROWS));
      }
    });
  }
}

function groupByDocument(entries: readonly StreamEntry[]): Map<string, StreamEntry[]> {
  const groups = new Map<string, StreamEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.document);
    if (group) group.push(entry);
    else groups.set(entry.document, [entry]);
  }
  return groups;
}

function recordOf({ seq, record }: NumberedRecord): OutboxRecord {
  return fromStored(seq, record);
}

async function readBase(tx: StorageTransaction, document: string): Promise<BaseDocument> {
  return ((await tx.get("documents", document)) as BaseDocument | undefined) ?? emptyBase();
}

/** The life of its document that a change would be made in now. */
async function currentGeneration(
  tx: StorageTransaction,
  { document, kind }: StoredRecord,
): Promise<number> {
  const base = await readBase(tx, document);
  if (base.live) return base.generation;
  const next = base.generation + 1;
  if (kind === "insert") return next;
  // An edit goes where an insert that waits goes, e.g. one that was retried just before it.
  const inserts = (await tx.getAll("outbox")).some(([, value]) => {
    const other = value as StoredRecord;
    return other.document === document && other.kind === "insert" && !other.rejected;
  });
  return inserts ? next : base.generation;
}

async function readRecords(tx: StorageTransaction, seqs: number[]): Promise<NumberedRecord[]> {
  const records = await Promise.all(seqs.map((seq) => tx.get("outbox", seq)));
  return seqs.flatMap((seq, index) => {
    const record = records[index] as StoredRecord | undefined;
    return record ? [{ seq, record }] : [];
  });
}

async function putRecords(tx: StorageTransaction, records: NumberedRecord[]) {
  await Promise.all(records.map(({ seq, record }) => tx.put("outbox", seq, record)));
}

async function deleteRecords(tx: StorageTransaction, records: NumberedRecord[]) {
  await Promise.all(records.map(({ seq }) => tx.delete("outbox", seq)));
}

async function addSegment(
  tx: StorageTransaction,
  rows: Map<string, BaseRow>,
  seen: number,
): Promise<RowChanges> {
  if (rows.size === 0) return { rows, segment: null, missed: [] };
  const missed = (await tx.getAll("rows", seen)) as Loaded["segments"];
  const segment = await tx.add(
    "rows",
    [...rows].map(([document, row]) => encodeRow(document, row)),
  );
  return { rows, segment, missed };
}
