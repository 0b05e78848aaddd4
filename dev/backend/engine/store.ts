import type { DocumentWrite } from "../runtime.js";
import { EngineCommit, type CommitNote, type Journal } from "./commit.js";
import { resolveCommitTs, StoredDocument, type DocumentValue } from "./document.js";
import type { IndexKey } from "./index-key.js";
import type { ReadIntervals } from "./read-intervals.js";
import { RecentWrites } from "./recent-writes.js";
import type { Table } from "./table.js";

/** The whole data at one moment. Never changed: the next moment shares what stayed the same. */
export interface Snapshot {
  ts: bigint;
  tables: ReadonlyMap<TableKey, Table>;
}

/** `component:table`. */
export type TableKey = string;

export function tableKey(component: string, table: string): TableKey {
  return `${component}:${table}`;
}

/** A document a transaction leaves behind; `null` when it deleted it. */
export interface PendingWrite {
  component: string;
  table: string;
  id: string;
  document: StoredDocument | null;
}

export interface Proposal {
  snapshot: Snapshot;
  reads: ReadIntervals;
  writes: readonly PendingWrite[];
  /** Kept with the commit: what to answer when the same request comes again. */
  note?: CommitNote | undefined;
}

export type CommitResult =
  | { type: "committed"; commit: EngineCommit; published: Promise<void> }
  | { type: "conflict"; table: string; published: Promise<void> };

interface Unpublished {
  commit: EngineCommit;
  snapshot: Snapshot;
  resolve: () => void;
  reject: (error: unknown) => void;
  promise: Promise<void>;
}

/**
 * Holds the published snapshot, decides which proposals commit, and publishes in commit order. A
 * proposal is checked against everything committed since its snapshot, durable or not.
 */
export class Store {
  /** Whoever reads sees this; it is durable. */
  #published: Snapshot;
  /** With the commits that are being written. */
  #head: Snapshot;
  #unpublished: Unpublished[] = [];
  #isWriting = false;
  /** What a running transaction may not have seen. */
  #recent = new RecentWrites();
  /** Snapshots of the running transactions, oldest first. */
  #running = new Set<{ ts: bigint }>();
  #journal: Journal | null = null;
  /** Set when the journal could not be written: nothing may commit on top of what was lost. */
  #failure: Error | null = null;
  #now: () => number;
  #createTable: (key: TableKey) => Table;
  #onPublish: (commit: EngineCommit) => void;

  constructor(options: {
    snapshot: Snapshot;
    /** Milliseconds since the epoch. */
    now: () => number;
    createTable: (key: TableKey) => Table;
    onPublish: (commit: EngineCommit) => void;
  }) {
    this.#published = this.#head = options.snapshot;
    this.#now = options.now;
    this.#createTable = options.createTable;
    this.#onPublish = options.onPublish;
  }

  /** Goes on from what an earlier process left. Before anything has begun. */
  load(snapshot: Snapshot, journal: Journal): void {
    this.#published = this.#head = snapshot;
    this.#journal = journal;
  }

  get snapshot(): Snapshot {
    return this.#published;
  }

  /** Keeps the commits after `snapshot` at hand until `end` is called. */
  begin(): { snapshot: Snapshot; end: () => void } {
    const entry = { ts: this.#published.ts };
    this.#running.add(entry);
    const end = () => {
      if (this.#running.delete(entry)) this.#forget();
    };
    return { snapshot: this.#published, end };
  }

  /** Checks and commits in one go, without a pause in which anything else could happen. */
  commit(proposal: Proposal): CommitResult {
    if (this.#failure !== null) throw this.#failure;
    const table = this.#recent.tableTouched(proposal.reads, proposal.snapshot.ts);
    if (table !== null) return { type: "conflict", table, published: this.#allPublished() };
    const ts = this.#nextTs();
    const { commit, snapshot } = this.#apply(ts, proposal);
    this.#head = snapshot;
    this.#recent.add(commit);
    return { type: "committed", commit, published: this.#publish(commit, snapshot) };
  }

  /** Whether nothing that `reads` covers was written since `snapshot`, which is still running. */
  isCurrent(snapshot: Snapshot, reads: ReadIntervals): boolean {
    return this.#recent.tableTouched(reads, snapshot.ts) === null;
  }

  /** Nothing commits from now on. */
  close(): void {
    this.#failure ??= new Error("The backend is closed.");
  }

  /** Resolves when nothing is left to be written. */
  async drain(): Promise<void> {
    while (this.#unpublished.length > 0) await this.#allPublished();
  }

  #apply(ts: bigint, { writes, note }: Proposal): { commit: EngineCommit; snapshot: Snapshot } {
    const tables = new Map(this.#head.tables);
    const own = new Set<TableKey>();
    const changedKeys = new Map<string, IndexKey[]>();
    const documentWrites = writes.map(({ component, table, id, document }): DocumentWrite => {
      const key = tableKey(component, table);
      if (!own.has(key)) {
        own.add(key);
        tables.set(key, tables.get(key)?.clone() ?? this.#createTable(key));
      }
      const target = tables.get(key)!;
      const resolved = document && resolve(document, ts);
      for (const [index, keys] of target.write(target.get(id), resolved)) {
        append(changedKeys, `${key}.${index}`, keys);
      }
      return { component, table, id, document: resolved && toPlain(resolved) };
    });
    const commit = new EngineCommit(ts, documentWrites, changedKeys, note?.(ts) ?? null);
    return { commit, snapshot: { ts, tables } };
  }

  #publish(commit: EngineCommit, snapshot: Snapshot): Promise<void> {
    if (this.#journal === null) {
      this.#published = snapshot;
      this.#onPublish(commit);
      return Promise.resolve();
    }
    let [resolve, reject] = [() => {}, (_: unknown) => {}];
    const promise = new Promise<void>((done, failed) => ([resolve, reject] = [done, failed]));
    this.#unpublished.push({ commit, snapshot, resolve, reject, promise });
    if (!this.#isWriting) void this.#writeOut(this.#journal);
    return promise;
  }

  /** Everything that waits goes to the disk together. */
  async #writeOut(journal: Journal): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#unpublished.length > 0) {
        const group = [...this.#unpublished];
        await journal.write(group.map(({ commit }) => commit));
        this.#unpublished.splice(0, group.length);
        for (const { commit, snapshot, resolve } of group) {
          this.#published = snapshot;
          this.#onPublish(commit);
          resolve();
        }
      }
    } catch (cause) {
      this.#failure = new Error(`The data could not be written: ${String(cause)}`, { cause });
      for (const { reject } of this.#unpublished.splice(0)) reject(this.#failure);
    }
    this.#isWriting = false;
  }

  #allPublished(): Promise<void> {
    return this.#unpublished.at(-1)?.promise ?? Promise.resolve();
  }

  #nextTs(): bigint {
    const now = BigInt(Math.floor(this.#now())) * NANOSECONDS_PER_MS;
    return now > this.#head.ts ? now : this.#head.ts + 1n;
  }

  #forget(): void {
    const [oldest] = this.#running;
    this.#recent.forgetUntil(oldest?.ts ?? this.#published.ts);
  }
}

const NANOSECONDS_PER_MS = 1_000_000n;

function resolve(document: StoredDocument, ts: bigint): StoredDocument {
  const value = resolveCommitTs(document.value, ts) as DocumentValue;
  return value === document.value ? document : new StoredDocument(value);
}

function append(changed: Map<string, IndexKey[]>, index: string, keys: readonly IndexKey[]): void {
  const known = changed.get(index);
  if (known === undefined) changed.set(index, [...keys]);
  else known.push(...keys);
}

function toPlain({ value }: StoredDocument): NonNullable<DocumentWrite["document"]> {
  return value as NonNullable<DocumentWrite["document"]>;
}
