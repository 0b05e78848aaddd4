import { closeSync, fsync, openSync, readFileSync, renameSync, truncateSync, write } from "node:fs";
import { promisify } from "node:util";
import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import { lockFile } from "../file-lock.js";
import type { DocumentWrite } from "../runtime.js";
import {
  UNFINISHED,
  logPath,
  readDataFolder,
  removeBefore,
  snapshotPath,
  syncFolder,
} from "./journal-files.js";
import { decodeRecords, encodeRecord } from "./records.js";
import type { EngineCommit, Journal } from "./commit.js";
import type { Snapshot } from "./store.js";

const writeBytes = promisify(write);
const sync = promisify(fsync);

const MAX_LOG_BYTES = 64 * 1024 * 1024;
/** How much of a snapshot is written at a time, so that commits are not held up for long. */
const SNAPSHOT_PART_BYTES = 1024 * 1024;

/** What a restart takes up, commit by commit: documents, and answers to requests. */
export interface StoredCommit {
  ts: bigint;
  writes: DocumentWrite[];
  note: { key: string; answer: string } | null;
}

/** Timestamp, writes, and the note if there is one. */
type CommitRecord = [
  ts: string,
  writes: [component: string, table: string, id: string, document: JSONValue | null][],
  note?: [key: string, answer: string],
];

/** The moment a snapshot is of: its documents, and the answers that are remembered. */
export interface SnapshotSource {
  snapshot: Snapshot;
  answers: Iterable<readonly [key: string, answer: string]>;
}

export interface DataFolderOptions {
  folder: string;
  /** Told what the folder holds, in commit order. */
  replay: (commit: StoredCommit) => void;
  /** The published state: everything that was written before the call. */
  source: () => SnapshotSource;
  /** A log is closed, and a snapshot written, once it is this long. */
  maxLogBytes?: number | undefined;
}

/**
 * Keeps every commit in a folder: logs that are only appended to and synced before anyone hears of
 * the commit, and now and then a snapshot from which a restart begins.
 */
export class DataFolder implements Journal {
  readonly #folder: string;
  readonly #unlock: () => void;
  readonly #maxLogBytes: number;
  readonly #source: () => SnapshotSource;
  #generation: number;
  #fd: number;
  #logBytes = 0;
  /** The snapshot that is being written. */
  #snapshotting: Promise<void> | null = null;

  private constructor(options: DataFolderOptions, unlock: () => void, generation: number) {
    this.#folder = options.folder;
    this.#maxLogBytes = options.maxLogBytes ?? MAX_LOG_BYTES;
    this.#source = options.source;
    this.#unlock = unlock;
    this.#generation = generation;
    this.#fd = openLog(options.folder, generation);
  }

  /** Takes the folder for this process, and hands what it holds to `replay` in commit order. */
  static open(options: DataFolderOptions): DataFolder {
    const { folder, replay } = options;
    const unlock = lockFile(folder);
    try {
      const { snapshot, logs } = readDataFolder(folder);
      if (snapshot > 0) replayFile(snapshotPath(folder, snapshot), "complete", replay);
      for (const log of logs) {
        const isLast = log === logs.at(-1);
        replayFile(logPath(folder, log), isLast ? "torn" : "complete", replay);
      }
      return new DataFolder(options, unlock, logs.at(-1) ?? snapshot);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  async write(commits: readonly EngineCommit[]): Promise<void> {
    if (this.#logBytes >= this.#maxLogBytes && this.#snapshotting === null) {
      this.#rotate(this.#source());
    }
    const bytes = Buffer.from(commits.map((commit) => encodeRecord(toRecord(commit))).join(""));
    await writeAll(this.#fd, bytes);
    await sync(this.#fd);
    this.#logBytes += bytes.length;
  }

  #rotate(source: SnapshotSource): void {
    const generation = this.#generation + 1;
    const fd = openLog(this.#folder, generation);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#generation = generation;
    this.#logBytes = 0;
    this.#snapshotting = this.#writeSnapshot(generation, source)
      // Nothing is lost: the logs it would have replaced are still there.
      .catch((error: unknown) => console.error("Could not write a snapshot of the data:", error))
      .finally(() => (this.#snapshotting = null));
  }

  async close(): Promise<void> {
    await this.#snapshotting;
    closeSync(this.#fd);
    this.#unlock();
  }

  /** Under another name until it is complete: a snapshot is there as a whole, or not at all. */
  async #writeSnapshot(generation: number, source: SnapshotSource): Promise<void> {
    const path = snapshotPath(this.#folder, generation);
    const fd = openSync(path + UNFINISHED, "w");
    try {
      let part = "";
      for (const record of snapshotRecords(source)) {
        part += encodeRecord(record);
        if (part.length < SNAPSHOT_PART_BYTES) continue;
        await writeAll(fd, Buffer.from(part));
        part = "";
      }
      await writeAll(fd, Buffer.from(part));
      await sync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(path + UNFINISHED, path);
    syncFolder(this.#folder);
    removeBefore(this.#folder, generation);
  }
}

function openLog(folder: string, generation: number): number {
  const fd = openSync(logPath(folder, generation), "a");
  syncFolder(folder);
  return fd;
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    offset += (await writeBytes(fd, bytes, offset)).bytesWritten;
  }
}

/** What is torn off is cut off, so that the next record starts on a line of its own. */
function replayFile(
  file: string,
  end: "complete" | "torn",
  replay: (commit: StoredCommit) => void,
): void {
  const bytes = readFileSync(file);
  const { records, validBytes } = decodeRecords(bytes, file);
  if (validBytes < bytes.length) {
    if (end === "complete") throw new Error(`"${file}" is damaged at byte ${validBytes}.`);
    truncateSync(file, validBytes);
  }
  for (const record of records) replay(fromRecord(record as CommitRecord));
}

function* snapshotRecords({ snapshot, answers }: SnapshotSource): Iterable<CommitRecord> {
  const ts = String(snapshot.ts);
  for (const [key, table] of snapshot.tables) {
    const colon = key.lastIndexOf(":");
    const [component, name] = [key.slice(0, colon), key.slice(colon + 1)];
    for (const { id, json } of table.documents()) {
      yield [ts, [[component, name, id, JSON.parse(json) as JSONValue]]];
    }
  }
  for (const [key, answer] of answers) yield [ts, [], [key, answer]];
  // Without any document there still was a time.
  yield [ts, []];
}

function toRecord({ ts, writes, note }: EngineCommit): CommitRecord {
  const rows = writes.map(({ component, table, id, document }): CommitRecord[1][number] => [
    component,
    table,
    id,
    document && convexToJson(document),
  ]);
  return note === null ? [String(ts), rows] : [String(ts), rows, [note.key, note.answer]];
}

function fromRecord([ts, rows, note]: CommitRecord): StoredCommit {
  return {
    ts: BigInt(ts),
    writes: rows.map(([component, table, id, document]) => ({
      component,
      table,
      id,
      document: document === null ? null : (jsonToConvex(document) as Record<string, Value>),
    })),
    note: note === undefined ? null : { key: note[0], answer: note[1] },
  };
}
