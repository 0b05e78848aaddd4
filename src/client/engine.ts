import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import type { Refusal } from "../shared/refusal.js";
import { Emitter } from "./platform/emitter.js";
import { importInto, type ImportResult, type ReadRows } from "./imports.js";
import { checkRow, toLocalWrites, type LocalMutation } from "./local-write.js";
import { SingleFlight } from "./single-flight.js";
import type { Former } from "./local-data/replica.js";
import { OutboxView } from "./outbox.js";
import type { OutboxRecord } from "./store/records.js";
import { Readiness } from "./readiness.js";
import { Restarts } from "./restarts.js";
import { RowListeners, type RowListener } from "./row-listeners.js";
import { SessionHolder } from "./session-holder.js";
import { Session, type SessionConfig } from "./session.js";
import { INITIAL_STATUS, StatusHolder, statusOf } from "./status.js";
import { until } from "./until.js";
import { Waits, type WaitFor } from "./waits.js";

/**
 * Keeps one replicated collection going for as long as someone uses it or something is unsent. It
 * outlives the TanStack collection, which may be cleaned up and started again at any time (C10).
 *
 * It has one session at a time. One ends when nobody needs it (`#onIdle`), when its disk is lost
 * (`#onDiskLost`) or its data is deleted (`#onCleared`); after the last two another one goes on.
 */
export class Engine {
  readonly status = new StatusHolder();
  readonly rejections = new Emitter<[OutboxRecord]>();
  readonly outbox: OutboxView;
  #config: SessionConfig;
  readonly #waits: Waits;
  readonly #listeners = new RowListeners();
  readonly #sessions: SessionHolder;
  /** Why it does not sync for the time being, or for ever. */
  #suspended: Refusal | null = null;
  /** Set once another engine has taken its place. */
  #replaced: ReplicateError | null = null;
  /** What a session whose disk was lost had in memory, for the next one to go on with. */
  #former: Former | null = null;
  /** Whether changes of a lost disk are on their way to the new one. */
  #isAdopting = false;
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
    this.#sessions = new SessionHolder({
      open: () => this.#open(),
      isUsed: () => this.#listeners.size > 0,
      closed: () => this.#onIdle(),
    });
    const replica = () => this.#current?.data.replica;
    const source = {
      records: this.records,
      recordsOf: (document: string) => replica()?.recordsOf(document) ?? [],
    };
    this.outbox = new OutboxView({
      ...source,
      fields: config.fields,
      base: (document) => replica()?.base(document),
      retry: (seq) => this.#sessions.hold((session) => session.retry(seq)),
      discard: (seq) => this.#sessions.hold((session) => session.discard(seq)),
    });
    this.#waits = new Waits({
      ...source,
      pending: () => replica()?.counts().pending ?? 0,
      isDurable: (record) => this.#current?.isDurable(record) ?? false,
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
  useFields(fields: CompiledFields) {
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
    const session = this.#sessions.use();
    const rows = [...session.data.replica.shown].map(([id, row]) => ({ id, row }));
    if (rows.length > 0) listener.shown(rows);
    if (this.#readiness.isReady) listener.ready();
    return () => {
      forget();
      this.#sessions.closeWhenIdle();
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
    return this.#storing.run(idempotencyKey, async () => {
      if (await this.#write(mutations, idempotencyKey)) return;
      const documents = mutations.map(({ key }) => key as string);
      await Promise.all(documents.map((document) => this.when(document, "durable")));
    });
  }

  /** @returns whether the changes are stored by then: not, if the storage cannot be opened, or was lost. */
  #write(mutations: readonly LocalMutation[], idempotencyKey?: string): Promise<boolean> {
    this.#checkWritable();
    const writes = toLocalWrites(mutations, this.#config.fields, idempotencyKey);
    return writes.length > 0 ? this.#sessions.use().write(writes) : Promise.resolve(true);
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
  flush(): Promise<void> {
    return this.#wait((session) => {
      void session.sendNow();
      return this.#waits.waitForAll();
    });
  }

  /** See `when` in `ReplicateUtils`. */
  when(document: string, until: WaitFor): Promise<void> {
    return this.#wait(() => this.#waits.wait(document, until));
  }

  /** Waits for something about the outbox, once that is read. */
  async #wait(begin: (session: Session) => Promise<void>): Promise<void> {
    const outcome = await this.#sessions.hold(async () => ({
      of: begin(await this.#sessions.opened()),
    }));
    await outcome.of; // a promise of its own: what is waited for may take weeks
  }

  /** Whether changes would be lost if the page ended now. */
  isUnsafe(): boolean {
    return this.#current?.isUnsafe() ?? false;
  }

  /** Deletes everything local, in all tabs, and starts again; see `clear` in `ReplicateUtils`. */
  async clear({ force }: { force: boolean }): Promise<void> {
    await this.#sessions.hold(async (session) => {
      await session.data.opened;
      const given = force ? session.data.replica.records() : [];
      await session.data.clear({ force });
      this.#onCleared(session, new Set(given));
    });
  }

  /** Takes over rows from elsewhere, once for each name, after a first load. */
  importOnce(name: string, read: ReadRows): Promise<ImportResult> {
    return this.#sessions.hold(async (session) => {
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
  retire(error: ReplicateError) {
    this.#replaced = error;
    this.suspend({ code: error.code, message: error.message });
  }

  get #current(): Session | null {
    return this.#sessions.current;
  }

  #open(): Session {
    this.#wasUsed = true;
    this.#readiness.begin();
    // A session that was replaced may still finish something; that is not reported.
    const isCurrent = () => this.#current === session;
    const session: Session = new Session(
      { ...this.#config, loss: this.#restarts.take(), former: this.#former },
      {
        shown: (changes) => isCurrent() && this.#listeners.shown(changes),
        changed: () => isCurrent() && this.#update(session),
        rejected: (record) => isCurrent() && this.rejections.emit(record),
        lost: (error) => isCurrent() && this.#onDiskLost(session, error),
        cleared: (error) => {
          if (!isCurrent()) return;
          this.#restarts.note(error);
          this.#onCleared(session);
        },
      },
    );
    this.#former = null;
    if (this.#suspended) session.pause();
    return session;
  }

  /** The disk is gone, or a newer page's. What no disk holds moves on; rows stay until loaded again. */
  #onDiskLost(lost: Session, error: ReplicateError) {
    this.#restarts.note(error);
    this.#former = lost.data.replica.former();
    if (error.code === "NEWER_DATA") this.#waits.failStored(error);
    this.#openNext(lost.data.orphaned());
  }

  /** All data was deleted on purpose; what was not stored by then was made afterwards, and stays. */
  #onCleared(cleared: Session, given: ReadonlySet<OutboxRecord> = new Set()) {
    if (this.#current !== cleared) return;
    const { replica } = cleared.data;
    const kept = replica.records().filter((one) => one.seq === null && !given.has(one));
    const gone = [...replica.shown.keys()].map((id) => ({ id, row: null }));
    if (gone.length > 0) this.#listeners.shown(gone);
    this.#openNext(kept);
    this.#waits.fail(new ReplicateError("DATA_CLEARED", "The local data was deleted."));
  }

  /** Puts another session in the place of the one whose disk is gone, with these changes of its. */
  #openNext(records: readonly OutboxRecord[]) {
    this.#sessions.end();
    this.#isAdopting = records.length > 0 || this.#listeners.size > 0;
    if (!this.#isAdopting) return this.#onIdle();
    void this.#sessions.hold(async (next) => {
      await next.adopt(records); // reported at once: what was complete has to be loaded again
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
    this.status.set(status);
    this.outbox.noteChange();
    if (session.isOpen && !this.#isAdopting) this.#waits.check();
    this.#sessions.closeWhenIdle();
  }

  /** There is no session any more: nothing is known of how things are (C11). */
  #onIdle() {
    this.#former = null;
    this.#readiness.stop();
    this.status.set(INITIAL_STATUS);
    this.outbox.noteChange();
  }
}
