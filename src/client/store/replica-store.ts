import type { CompiledFields } from "../../shared/compiled-fields.js";
import type { Identity } from "../../shared/identity.js";
import type { Held, Recovered, ResetReason, StreamEntry } from "../../shared/wire.js";
import { settleAnswers, type ServerAnswer, type SettledChanges } from "./answers.js";
import { applyPage, type AppliedPage } from "./apply-page.js";
import { discardRecord, retryRecord } from "./decisions.js";
import { Device } from "./device.js";
import { healDocuments } from "./heal.js";
import { pinIdentity } from "./identity.js";
import { hasImported, importRecords } from "./imported.js";
import { mintDocuments, type Outgoing } from "./outgoing.js";
import { fromStored, NO_PLACE, toStored, unreadable, type OutboxRecord } from "./records.js";
import { beginReset, showReloadedRows, type ReloadedRows } from "./reset.js";
import { rebuildRows, readDamaged, type Rebuilt, type DamagedDocuments } from "./repair.js";
import { moveRows, readSegments, type BaseRow, type Segment, type RowChanges } from "./rows.js";
import { STORES, type StorageConnection } from "../storage/storage.js";
import { addRecord, readHeld, readSyncPoint, takeKeys, unsealRecord } from "./stored.js";
import type { StoredSyncPoint } from "./sync-point.js";

export type Loaded = {
  point: StoredSyncPoint;
  segments: [key: number, Segment][];
  /** Keys of segments whose rows cannot be trusted: they have to be rebuilt. */
  damagedSegments: number[];
  /** Those that cannot be read are among them, as rejected. */
  records: OutboxRecord[];
  /** Documents that have to be recovered: until then their changes wait. */
  damaged: DamagedDocuments;
};

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
  load(after: number): Promise<Loaded> {
    return this.#storage.transaction("read", STORES, async (tx) => {
      const [point, damaged, rows, records] = await Promise.all([
        readSyncPoint(tx),
        readDamaged(tx),
        readSegments(tx, after),
        tx.getAll("outbox"),
      ]);
      return {
        point,
        damaged,
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
   * Stores log entries and the position after them together (C7); see {@link AppliedPage}.
   *
   * @param lastSegment The newest segment of rows that the caller knows.
   */
  applyPage(
    entries: readonly StreamEntry[],
    point: StoredSyncPoint,
    lastSegment: number,
    recovered: readonly Recovered[],
  ): Promise<AppliedPage> {
    const page = { entries, recovered, point };
    return this.#storage.transaction("write", ["meta", "documents", "rows"], (tx) =>
      applyPage(tx, page, lastSegment, this.#fields.tree, () => this.#device.newClientId()),
    );
  }

  /** Takes over what the server has of damaged documents; see {@link healDocuments}. */
  heal(
    recovered: readonly Recovered[],
    asked: DamagedDocuments,
    lastSegment: number,
  ): Promise<RowChanges> {
    return this.#storage.transaction("write", ["meta", "documents", "rows"], (tx) =>
      healDocuments(tx, recovered, asked, lastSegment, this.#fields.tree),
    );
  }

  /** What is here of these documents, for the server to add to. */
  held(documents: readonly string[]): Promise<Held[]> {
    return this.#storage.transaction("read", ["documents"], (tx) =>
      Promise.all(documents.map((document) => readHeld(tx, document))),
    );
  }

  /** Begins to load everything again, unless the position is not at that cursor any more. */
  reset(cursor: string | null, reason: ResetReason): Promise<StoredSyncPoint> {
    return this.#storage.transaction("durable", ["meta"], (tx) =>
      beginReset(tx, cursor, reason, this.#device),
    );
  }

  /** Shows some of what was loaded again; see {@link showReloadedRows}. */
  showReloadedRows(lastSegment: number): Promise<ReloadedRows> {
    return this.#storage.transaction("durable", STORES, (tx) =>
      showReloadedRows(tx, lastSegment, this.#fields, this.#device),
    );
  }

  /** @throws {ReplicateError} `IDENTITY_CHANGED` when the data belongs to someone else. */
  identify(identity: Identity, named?: string | null): Promise<void> {
    return this.#storage.transaction("durable", ["meta"], (tx) => pinIdentity(tx, identity, named));
  }

  /**
   * Makes, and stores, the bytes to send for these documents; nothing is minted for a document
   * whose earlier bytes still wait for an answer, whichever tab made them (C4).
   *
   * @param lastRecord The caller knows every record up to this one.
   * @returns what to send, for fewer documents than asked where records were gone, cancelled or
   * rejected on the way, or where something else of the document has been sent by another tab.
   */
  mint(documents: ReadonlyMap<string, number[]>, lastRecord: number): Promise<Outgoing[]> {
    return this.#storage.transaction("durable", ["meta", "documents", "outbox"], (tx) =>
      mintDocuments(tx, documents, this.#device, this.#fields.tree, lastRecord),
    );
  }

  /**
   * Applies the server's answers: what was accepted moves from the outbox into the base (C4).
   *
   * @param lastSegment The newest segment of rows that the caller knows.
   */
  settle(answers: readonly ServerAnswer[], lastSegment: number): Promise<SettledChanges> {
    return this.#storage.transaction("durable", STORES, (tx) =>
      settleAnswers({ tx, device: this.#device, tree: this.#fields.tree }, answers, lastSegment),
    );
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

  /** Rebuilds rows of some documents from their bases; see {@link Rebuilt}. */
  rebuildRows(after: string | null, lastSegment: number): Promise<Rebuilt> {
    return this.#storage.transaction("write", ["meta", "documents", "rows"], (tx) =>
      rebuildRows(tx, after, lastSegment, this.#fields.tree, () => this.#device.newClientId()),
    );
  }

  /**
   * Writes these rows once more, as the newest segment, and drops the segments that they were in:
   * then nothing that is needed is left there.
   *
   * @param rows The newest rows, as far as the caller knows, of the documents in those segments.
   */
  moveRows(rows: ReadonlyMap<string, BaseRow>, from: readonly number[], lastSegment: number) {
    return this.#storage.transaction("write", ["rows"], (tx) =>
      moveRows(tx, rows, from, lastSegment),
    );
  }
}
