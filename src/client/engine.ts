import { Emitter, guarded } from "./emitter.js";
import { toLocalWrite, type LocalMutation } from "./local-write.js";
import { OutboxView } from "./outbox.js";
import type { OutboxRecord } from "./records.js";
import type { ShownChange } from "./replica.js";
import { Session, type SessionConfig } from "./session.js";
import { StatusHolder, statusOf } from "./status.js";

/** A collection becomes ready after this time at the latest, loaded or not, in ms (C8). */
const READY_LATEST_MS = 5_000;

/** How long a first connection may take before the client counts as offline, in ms. */
const CONNECT_GRACE_MS = 2_000;

/** What a collection's sync run listens to. */
export type RowListener = {
  shown(changes: readonly ShownChange[]): void;
  ready(): void;
};

/**
 * Keeps one replicated collection going for as long as someone uses it or something is unsent. It
 * outlives the TanStack collection, which may be cleaned up and started again at any time (C10).
 */
export class Engine {
  readonly status = new StatusHolder();
  readonly rejections = new Emitter<[OutboxRecord]>();
  readonly outbox: OutboxView;
  readonly #config: SessionConfig;
  readonly #functions: string;
  readonly #listeners = new Set<RowListener>();
  #current: Session | null = null;
  /** Rows that listeners were told of. */
  readonly #told = new Set<string>();
  /** Whether rows of a lost disk are still shown, until the server's have come again. */
  #isRestarting = false;
  #isReady = false;
  #graceOver = false;
  #cancelTimers: (() => void)[] = [];

  /** @param functions Names the server functions it talks to. */
  constructor(config: SessionConfig, functions: string) {
    this.#config = config;
    this.#functions = functions;
    const replica = () => this.#current?.data.replica;
    this.outbox = new OutboxView({
      fields: config.fields,
      records: () => replica()?.records() ?? [],
      recordsOf: (document) => replica()?.recordsOf(document) ?? [],
      base: (document) => replica()?.base(document),
      retry: (seq) => this.#session().retry(seq),
      discard: (seq) => this.#session().discard(seq),
    });
  }

  /** What makes another configuration of the same name a different collection, or null. */
  conflictWith(config: SessionConfig, functions: string): string | null {
    if (functions !== this.#functions) return "server functions";
    if (config.fields.hash !== this.#config.fields.hash) return "fields";
    if (config.storage.kind !== this.#config.storage.kind) return "storage";
    return config.windowMs === this.#config.windowMs ? null : "coalesceMs";
  }

  /** Starts following; the listener first gets the rows there are. */
  attach(listener: RowListener): () => void {
    this.#listeners.add(listener);
    const session = this.#session();
    const rows = [...session.data.replica.shown].map(([id, row]) => ({ id, row }));
    if (rows.length > 0) listener.shown(rows);
    if (this.#isReady) listener.ready();
    return () => {
      this.#listeners.delete(listener);
      this.#closeWhenIdle();
    };
  }

  /**
   * Records local mutations and shows them at once; storing and sending come later (C1).
   *
   * @throws {ReplicateError} when a row cannot be stored; then none of them is recorded.
   */
  accept(mutations: readonly LocalMutation[]) {
    const writes = mutations
      .map((mutation) => toLocalWrite(mutation, this.#config.fields))
      .filter(({ kind, operations }) => kind !== "update" || operations.size > 0);
    if (writes.length > 0) this.#session().write(writes);
  }

  /** Local changes that the server has not accepted, oldest first. */
  records(): OutboxRecord[] {
    return this.#current?.data.replica.records() ?? [];
  }

  /** Sends at once, and resolves when nothing is pending any more. */
  async flush(): Promise<void> {
    const session = this.#session();
    await session.sendNow();
    if (this.status.get().pending === 0) return;
    await new Promise<void>((resolve) => {
      const stop = this.status.subscribe(({ pending }) => {
        if (pending > 0) return;
        stop();
        resolve();
      });
    });
  }

  #session(): Session {
    return (this.#current ??= this.#open());
  }

  #open(): Session {
    const { environment } = this.#config;
    this.#isReady = false;
    this.#graceOver = false;
    for (const cancel of this.#cancelTimers) cancel();
    this.#cancelTimers = [
      environment.after(READY_LATEST_MS, () => this.#markReady()),
      environment.after(CONNECT_GRACE_MS, () => {
        this.#graceOver = true;
        if (this.#current) this.#update(this.#current);
      }),
    ];
    // A session that was replaced may still finish something; nobody is told.
    const isCurrent = () => this.#current === session;
    const session: Session = new Session(this.#config, {
      shown: (changes) => isCurrent() && this.#tell(changes),
      changed: () => isCurrent() && this.#update(session),
      rejected: (record) => isCurrent() && this.rejections.emit(record),
      lost: () => isCurrent() && this.#restart(session),
    });
    return session;
  }

  #tell(changes: readonly ShownChange[]) {
    for (const { id, row } of changes) {
      if (row === null) this.#told.delete(id);
      else this.#told.add(id);
    }
    for (const listener of this.#listeners) guarded(() => listener.shown(changes));
  }

  /**
   * The browser has deleted the disk under a living page. What is unsent is still in memory and moves
   * on; rows stay on screen while the first load runs again, and then those that are gone go.
   */
  #restart(lost: Session) {
    this.#current = null;
    this.#isRestarting = true;
    void lost.close();
    void this.#session().adopt(lost.data.replica.records());
  }

  #finishRestart({ data }: Session) {
    this.#isRestarting = false;
    const gone = [...this.#told].filter((id) => !data.replica.shown.has(id));
    if (gone.length > 0) this.#tell(gone.map((id) => ({ id, row: null })));
  }

  #update(session: Session) {
    const { transport } = this.#config;
    const status = statusOf(session, transport.isConnected(), this.#graceOver);
    // Ready from disk first; a first visit waits for the load, but not for a missing network (C8).
    if (status.complete || status.phase === "offline") this.#markReady();
    if (this.#isRestarting && status.complete) this.#finishRestart(session);
    this.status.set(status);
    this.outbox.noteChange();
    this.#closeWhenIdle();
  }

  #markReady() {
    if (this.#isReady) return;
    this.#isReady = true;
    for (const listener of this.#listeners) guarded(() => listener.ready());
  }

  /** Nobody listens and nothing is unsent: let go of storage, network and lock. */
  #closeWhenIdle() {
    const session = this.#current;
    if (!session || this.#listeners.size > 0 || !session.isIdle()) return;
    this.#current = null;
    for (const cancel of this.#cancelTimers) cancel();
    void session.close();
  }
}
