import type { CompiledFields } from "../shared/compiled-fields.js";
import type { Change, Result, Sender, StreamEntry } from "../shared/wire.js";
import { applyPage, type AppliedPage } from "./apply-page.js";
import { emptyBase } from "./base.js";
import { discardRecord, hasImported, importRecords, retryRecord } from "./decisions.js";
import { Device } from "./device.js";
import type { Identity } from "../shared/identity.js";
import { pinIdentity } from "./identity.js";
import { mint, restartInserts, withBytes, type NumberedRecord } from "./mint.js";
import { fromStored, NO_PLACE, toStored, unreadable, type OutboxRecord } from "./records.js";
import { mendGroup, rebuildRows, refetch, type Rebuilt } from "./repair.js";
import type { Segment } from "./rows.js";
import { isAnswerOf, reject, REMOVED, settleGroup } from "./settle.js";
import { STORES, type StorageConnection } from "./storage/storage.js";
import {
  addRecord,
  addSegment,
  DAMAGED,
  deleteRecords,
  moveRows,
  putRecords,
  readBase,
  readRecords,
  readRefetched,
  readSegments,
  readSync,
  takeKeys,
  unsealRecord,
  writeBase,
  type RowChanges,
  type StoredSync,
} from "./stored.js";
import type { BaseRow } from "./view.js";

export type { SyncPoint } from "./stored.js";

export type Loaded = {
  sync: StoredSync;
  segments: [key: number, Segment][];
  /** Keys of segments whose rows cannot be trusted: they have to be made anew. */
  damaged: number[];
  /** Those that cannot be read are among them, as rejected. */
  records: OutboxRecord[];
  /** Documents that are loaded anew: until then their changes wait. */
  refetched: ReadonlySet<string>;
};

/** What an answer changed: base rows, records that are done with, and records that stay, changed. */
export type SettledChanges = RowChanges & {
  done: OutboxRecord[];
  changed: OutboxRecord[];
  sync: StoredSync;
};

/** A change that is on disk exactly as it goes out, and the records it stands for. */
export type Outgoing = { change: Change; seqs: number[]; sender: Sender };

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
  load(after = 0): Promise<Loaded> {
    return this.#storage.transaction("read", ["meta", "rows", "outbox"], async (tx) => {
      const [sync, refetched, rows, records] = await Promise.all([
        readSync(tx),
        readRefetched(tx),
        readSegments(tx, after),
        tx.getAll("outbox"),
      ]);
      return {
        sync,
        refetched,
        ...rows,
        records: records.map(([seq, stored]) => {
          const unsealed = unsealRecord(stored);
          return unsealed.kind === "intact"
            ? fromStored(seq as number, unsealed.value)
            : unreadable(seq as number, stored, unsealed.kind);
        }),
      };
    });
  }

  /**
   * Stores local changes; resolves to their places in the outbox once they are durable (C3), or to
   * `NO_PLACE` for those of a transaction that was stored before.
   */
  addRecords(records: readonly OutboxRecord[]): Promise<number[]> {
    return this.#storage.transaction("durable", ["meta", "outbox"], async (tx) => {
      const known = await takeKeys(tx, records);
      return Promise.all(
        records.map(async (record) =>
          known.has(record.idempotencyKey) ? NO_PLACE : addRecord(tx, toStored(record)),
        ),
      );
    });
  }

  /**
   * Stores log entries and the position after them together (C7).
   *
   * @param seen The newest segment of rows that the caller knows.
   * @returns what changed, and the position as it is now: of a later round than `sync`, when loading
   * has to begin anew.
   */
  applyPage(entries: readonly StreamEntry[], sync: StoredSync, seen: number): Promise<AppliedPage> {
    return this.#storage.transaction("write", ["meta", "documents", "rows"], (tx) =>
      applyPage(tx, { entries, sync, seen }, this.#fields.tree, () => this.#device.newClientId()),
    );
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
      const damaged: string[] = [];
      const refetched = await readRefetched(tx);
      for (const [document, seqs] of documents) {
        const found = (await readRecords(tx, seqs)).filter(({ record }) => !record.rejected);
        if (found.length === 0 || refetched.has(document)) continue;
        const stored = await readBase(tx, document);
        if (stored === DAMAGED) {
          damaged.push(document);
          continue;
        }
        const { records, base } = await mendGroup(tx, found, stored, () =>
          this.#device.newClientId(),
        );
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
      if (damaged.length > 0) await refetch(tx, damaged, () => this.#device.newClientId());
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
      const damaged: string[] = [];
      let isCopied = false;
      for (const { outgoing, result, seqs } of answers) {
        const { change } = outgoing;
        const all = await readRecords(tx, seqs);
        const group = all.filter(({ seq }) => outgoing.seqs.includes(seq));
        // Another tab may have settled the same answer already.
        if (group.length === 0 || !isAnswerOf(group, change, result)) continue;
        const stored = await readBase(tx, change.document);
        if (stored === DAMAGED) {
          damaged.push(change.document); // the same bytes get the same answer later
          continue;
        }
        const base = stored ?? emptyBase();
        const answer = { all, group, change, result };
        const freshId = this.#device.newClientId();
        const settled = settleGroup(base, answer, this.#fields.tree, freshId);
        const { clientId, insertedAs } = settled;
        // Sent by a page before this one, it says nothing of what this one sends.
        if (clientId === "taken" && !(await this.#device.isCurrent(tx, outgoing.sender))) continue;
        if (clientId === "taken" && base.clientId === null) isCopied = true;
        done.push(...settled.done);
        changed.push(...settled.changed);
        let next = settled.advanced?.base ?? base;
        if (clientId === "fresh" || (clientId === "taken" && base.clientId !== null)) {
          next = { ...next, clientId: freshId };
        }
        if (insertedAs !== undefined) next = { ...next, insertedAs };
        if (next !== base) await writeBase(tx, change.document, next);
        if (settled.advanced) {
          rows.set(change.document, { generation: next.generation, row: settled.advanced.row });
        }
      }
      if (isCopied) await this.#device.renew(tx);
      await deleteRecords(tx, done);
      await putRecords(tx, changed);
      if (damaged.length > 0) await refetch(tx, damaged, () => this.#device.newClientId());
      const added = await addSegment(tx, rows, seen);
      const sync = await readSync(tx);
      return { ...added, sync, done: done.map(recordOf), changed: changed.map(recordOf) };
    });
  }

  /**
   * Gives a rejected record another chance, as the newest change of its document.
   *
   * @returns whether it was there, and rejected.
   * @throws {ReplicateError} `OUTBOX_CORRUPT`
   */
  retry(seq: number): Promise<boolean> {
    return this.#storage.transaction("durable", ["documents", "outbox"], (tx) =>
      retryRecord(tx, seq),
    );
  }

  /**
   * Gives a rejected record up. A pending one stays: it may be the head of bytes on their way.
   *
   * @returns whether it was there, and rejected or corrupt.
   */
  discard(seq: number): Promise<boolean> {
    return this.#storage.transaction("durable", ["outbox"], (tx) => discardRecord(tx, seq));
  }

  hasImported(name: string): Promise<boolean> {
    return this.#storage.transaction("read", ["meta"], (tx) => hasImported(tx, name));
  }

  /** @returns false, and stores nothing, when an import of this name was done before. */
  importRecords(name: string, records: readonly OutboxRecord[]): Promise<boolean> {
    return this.#storage.transaction("durable", ["meta", "outbox"], (tx) =>
      importRecords(tx, name, records),
    );
  }

  /** Makes rows of some documents anew from their bases; see {@link Rebuilt}. */
  rebuildRows(after: string | null, seen: number): Promise<Rebuilt> {
    return this.#storage.transaction("write", ["meta", "documents", "rows"], (tx) =>
      rebuildRows(tx, after, seen, this.#fields.tree, () => this.#device.newClientId()),
    );
  }

  /**
   * Writes these rows once more, as the newest segment, and drops the segments that they were in:
   * then nothing that is needed is left there.
   *
   * @param rows The newest rows, as far as the caller knows, of the documents in those segments.
   */
  moveRows(rows: ReadonlyMap<string, BaseRow>, from: readonly number[], seen: number) {
    return this.#storage.transaction("write", ["rows"], (tx) => moveRows(tx, rows, from, seen));
  }
}

function recordOf({ seq, record }: NumberedRecord): OutboxRecord {
  return fromStored(seq, record);
}
