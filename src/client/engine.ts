import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import type { Refusal } from "../shared/refusal.js";
import { Emitter } from "./platform/emitter.js";
import { importInto, type ImportResult, type ReadRows } from "./imports.js";
import { checkRow, toLocalWrites, type LocalMutation } from "./local-write.js";
import { SingleFlight } from "./single-flight.js";
import { OutboxView } from "./outbox.js";
import type { OutboxRecord } from "./store/records.js";
import { Readiness } from "./readiness.js";
import { Restarts } from "./restarts.js";
import { RowListeners, type RowListener } from "./row-listeners.js";
import { Session, type SessionConfig } from "./session.js";
import { INITIAL_STATUS, StatusHolder, statusOf } from "./status.js";
import { until } from "./until.js";
import { Waits, type WaitFor } from "./waits.js";

/**
 * Keeps one replicated collection going for as long as someone uses it or something is unsent. It
 * outlives the TanStack collection, which may be cleaned up and started again at any time (C10).
 */
export class Engine {
  readonly status = new StatusHolder();
  readonly rejections = new Emitter<[OutboxRecord]>();
  readonly outbox: OutboxView;
  #config: SessionConfig;
  readonly #waits: Waits;
  readonly #listeners = new RowListeners();
  #current: Session | null = null;
  /** Why it does not sync for the time being, or for ever. */
  #suspended: Refusal | null = null;
  /** Set once another engine has taken its place. */
  #replaced: ReplicateError | null = null;
  /** Whether rows of a lost disk are still shown, until the server's have come again. */
  #isRestarting = false;
  /** Whether changes of a lost disk are on their way to the new one. */
  #isAdopting = false;
  /** How many operations need the session to stay open. */
  #holds = 0;
  /** Transactions with a key that are on their way to disk. */
  readonly #storing = new SingleFlight();
  #wasUsed = false;
  readonly #readiness: Readiness;
  readonly #restarts: Restarts;

  constructor(config: SessionConfig) {
    this.#config = config;
    this.#restarts = new Restarts(config.environment);
    this.#readiness = new Readiness(config.environment, {
      ready: () => this.#listeners.ready(),
      graceOver: () => this.#current && this.#update(this.#current),
    });
    const replica = () => this.#current?.data.replica;
    this.outbox = new OutboxView({
      fields: config.fields,
      records: () => replica()?.records() ?? [],
      recordsOf: (document) => replica()?.recordsOf(document) ?? [],
      base: (document) => replica()?.base(document),
      retry: (seq) => this.#hold((session) => session.retry(seq)),
      discard: (seq) => this.#hold((session) => session.discard(seq)),
    });
    this.#waits = new Waits({
      recordsOf: (document) => replica()?.recordsOf(document) ?? [],
      isDurable: ({ seq }) => seq !== null && this.#current?.data.storage.kind !== "memory",
    });
  }

  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  /** Whether there is such a row, local changes included. */
  shows(id: string): boolean {
    return this.#current?.data.replica.shown.has(id) ?? false;
  }

  /** Checks rows by these fields from now on: the same ones, which may accept more or less. */
  refine(fields: CompiledFields) {
    this.#config = { ...this.#config, fields };
  }

  /**
   * Starts following; the listener first gets the rows there are.
   *
   * @throws {ReplicateError} `COLLECTION_CONFLICT` when another engine has taken its place.
   */
  attach(listener: RowListener): () => void {
    if (this.#replaced) throw this.#replaced;
    const forget = this.#listeners.add(listener);
    const session = this.#session();
    const rows = [...session.data.replica.shown].map(([id, row]) => ({ id, row }));
    if (rows.length > 0) listener.shown(rows);
    if (this.#readiness.isReady) listener.ready();
    return () => {
      forget();
      this.#closeWhenIdle();
    };
  }

  /**
   * Records local mutations and shows them at once; storing and sending come later (C1).
   *
   * @throws {ReplicateError} when a row cannot be stored; then none of them is recorded.
   */
  accept(mutations: readonly LocalMutation[]) {
    void this.#write(mutations);
  }

  /** The same for a transaction that may come again, after a reload too; resolves once it is on disk. */
  acceptOnce(mutations: readonly LocalMutation[], idempotencyKey: string): Promise<void> {
    return this.#storing.run(idempotencyKey, () => this.#write(mutations, idempotencyKey));
  }

  #write(mutations: readonly LocalMutation[], idempotencyKey?: string): Promise<void> {
    this.#checkWritable();
    const writes = toLocalWrites(mutations, this.#config.fields, idempotencyKey);
    return writes.length > 0 ? this.#session().write(writes) : Promise.resolve();
  }

  /** The records behind `outbox`, oldest first; for tests. */
  records = (): OutboxRecord[] => this.#current?.data.replica.records() ?? [];

  /** Checks a row that is about to be written, before it is shown; throws what `accept` would. */
  check(row: unknown) {
    this.#checkWritable();
    const id = (row as { id?: string } | null)?.id ?? "";
    checkRow(row, this.#current?.data.replica.shown.get(id), this.#config.fields);
  }

  #checkWritable() {
    if (this.#replaced) throw this.#replaced;
    const reason = this.#current?.syncState.pullReason;
    if (reason?.isStranger) throw new ReplicateError("IDENTITY_CHANGED", reason.message);
  }

  /** Sends at once, and resolves when every change is accepted or refused; offline it waits. */
  async flush(): Promise<void> {
    const session = this.#session();
    await session.sendNow();
    if (session.data.replica.counts().pending === 0) return;
    await until(this.status, ({ pending }) => pending === 0);
  }

  /** See `when` in `ReplicateUtils`. */
  async when(document: string, until: WaitFor): Promise<void> {
    const outcome = await this.#hold(async ({ data }) => {
      await data.opened;
      return { of: this.#waits.wait(document, until) };
    });
    await outcome.of; // a promise of its own: what is waited for may take weeks
  }

  /** Whether changes would be lost if the page ended now. */
  isUnsafe(): boolean {
    if (!this.#current) return false;
    const { replica, storage } = this.#current.data;
    const { pending, unsaved } = replica.counts();
    return (storage.kind === "memory" ? pending : unsaved) > 0;
  }

  /** Deletes everything local, in all tabs, and starts again; see `clear` in `ReplicateUtils`. */
  async clear({ force }: { force: boolean }): Promise<void> {
    await this.#hold(async (session) => {
      await session.data.opened;
      const given = force ? session.data.replica.records() : [];
      await session.data.clear({ force });
      this.#startAnew(session, new Set(given));
    });
  }

  /** Takes over rows from elsewhere, once for each name, after a first load. */
  importOnce(name: string, read: ReadRows): Promise<ImportResult> {
    return this.#hold(async (session) => {
      await until(this.status, ({ complete }) => complete);
      return importInto(this.#current ?? session, name, read, this.#config);
    });
  }

  /** Stops syncing until `resume`; changes are kept on disk. */
  suspend(reason: Refusal) {
    this.#suspended = reason;
    this.#current?.pause();
  }

  resume() {
    if (this.#suspended === null || this.#replaced) return;
    this.#suspended = null;
    this.#current?.resume();
  }

  /** Ends it for good, for another engine over the same data. */
  replace(error: ReplicateError) {
    this.#replaced = error;
    this.suspend({ code: error.code, message: error.message });
  }

  /** Does something that the session must stay open for. */
  async #hold<T>(work: (session: Session) => Promise<T>): Promise<T> {
    this.#holds += 1;
    try {
      return await work(this.#session());
    } finally {
      this.#holds -= 1;
      this.#closeWhenIdle();
    }
  }

  #session(): Session {
    return (this.#current ??= this.#open());
  }

  #open(): Session {
    this.#wasUsed = true;
    this.#readiness.begin();
    // A session that was replaced may still finish something; that is not reported.
    const isCurrent = () => this.#current === session;
    const session: Session = new Session(
      { ...this.#config, loss: this.#restarts.take() },
      {
        shown: (changes) => isCurrent() && this.#listeners.shown(changes),
        changed: () => isCurrent() && this.#update(session),
        rejected: (record) => isCurrent() && this.rejections.emit(record),
        lost: (error) => isCurrent() && this.#restart(session, error),
        cleared: (error) => {
          if (!isCurrent()) return;
          this.#restarts.note(error);
          this.#startAnew(session);
        },
      },
    );
    if (this.#suspended) session.pause();
    return session;
  }

  /** The disk is gone, or a newer page's. What no disk holds moves on; rows stay until loaded again. */
  #restart(lost: Session, error: ReplicateError) {
    this.#restarts.note(error);
    this.#isRestarting = true;
    this.#succeed(lost, lost.data.orphaned());
  }

  /** All data was deleted on purpose; what was not stored by then was made afterwards, and stays. */
  #startAnew(cleared: Session, given: ReadonlySet<OutboxRecord> = new Set()) {
    if (this.#current !== cleared) return;
    const kept = cleared.data.replica
      .records()
      .filter((one) => one.seq === null && !given.has(one));
    this.#isRestarting = false;
    this.#listeners.keep(new Map());
    this.#succeed(cleared, kept);
    this.#waits.fail(new ReplicateError("DATA_CLEARED", "The local data was deleted."));
  }

  /** Puts another session in the place of one whose disk is gone, with these changes of its. */
  #succeed(session: Session, records: readonly OutboxRecord[]) {
    this.#current = null;
    void session.close();
    if (records.length === 0 && this.#listeners.size === 0) return this.#rest();
    this.#isAdopting = true;
    void this.#hold(async (next) => {
      this.#update(next); // from this moment: what was complete has to be loaded again
      await next.adopt(records);
      if (this.#current !== next) return;
      this.#isAdopting = false;
      this.#waits.startOver();
    });
  }

  #update(session: Session) {
    const { transport } = this.#config;
    const connected = transport.isConnected();
    const status = statusOf(session, connected, this.#readiness.graceOver, this.#suspended);
    // Ready from disk first; a first visit waits for the load, but not for a missing network (C8).
    if (status.complete || status.phase === "offline") this.#readiness.mark();
    if (this.#isRestarting && status.complete) {
      this.#isRestarting = false;
      this.#listeners.keep(session.data.replica.shown);
    }
    this.status.set(status);
    this.outbox.noteChange();
    if (!this.#isAdopting) this.#waits.check();
    this.#closeWhenIdle();
  }

  /** Nobody listens and nothing is unsent: let go of storage, network and lock. */
  #closeWhenIdle() {
    const session = this.#current;
    if (!session || this.#holds > 0 || this.#listeners.size > 0 || !session.isIdle()) return;
    this.#current = null;
    void session.close();
    this.#rest();
  }

  /** There is no session any more: nothing is known of how things are (C11). */
  #rest() {
    this.#readiness.stop();
    this.status.set(INITIAL_STATUS);
  }
}
