import { ReplicateError } from "../shared/errors.js";
import type { OutboxRecord } from "./store/records.js";

/** What can be waited for: that changes are on disk, or that the server has accepted them. */
export type WaitFor = "durable" | "accepted";

/** The outbox as it is now. */
export type WaitContext = {
  /** All of it. */
  records(): readonly OutboxRecord[];
  /** How many changes in it the server has neither accepted nor refused. */
  pending(): number;
  recordsOf(document: string): readonly OutboxRecord[];
  isDurable(record: OutboxRecord): boolean;
};

type Wait = {
  /** Null for the whole outbox. */
  document: string | null;
  until: WaitFor;
  /** What is still waited for. */
  records: readonly OutboxRecord[];
  resolve(): void;
  reject(error: Error): void;
};

/** Promises about local changes, of one document until the promise was asked for, or of all. */
export class Waits {
  readonly #waits = new Set<Wait>();
  readonly #context: WaitContext;

  constructor(context: WaitContext) {
    this.#context = context;
  }

  /**
   * Call when the outbox has been read.
   *
   * @throws {ReplicateError} `REFUSED` when the server refuses one of them.
   */
  wait(document: string, until: WaitFor): Promise<void> {
    return this.#add(document, until);
  }

  /** Resolves once nothing is left that the server has neither accepted nor refused; call it likewise. */
  waitForAll(): Promise<void> {
    return this.#add(null, "accepted");
  }

  /** Call whenever the outbox may have changed. */
  check() {
    for (const wait of this.#waits) this.#check(wait);
  }

  /** Call when another outbox, which has taken over the changes of the old one, is in its place. */
  startOver() {
    for (const wait of this.#waits) wait.records = this.#pending(wait.document);
    this.check();
  }

  /** Call before another outbox takes over only what is on no disk: the rest is a newer page's to send. */
  failStored(error: Error) {
    for (const wait of this.#waits) {
      const { document, records } = wait;
      const left = document === null ? this.#context.records().filter(isPending) : records;
      const isLeft = wait.until === "accepted" && left.some(({ seq }) => seq !== null);
      if (isLeft) this.#reject(wait, error);
    }
  }

  fail(error: Error) {
    for (const wait of this.#waits) this.#reject(wait, error);
  }

  #add(document: string | null, until: WaitFor): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait = { document, until, records: this.#pending(document), resolve, reject };
      this.#waits.add(wait);
      this.#check(wait);
    });
  }

  /** What is waited for one by one; the whole outbox is counted instead. */
  #pending(document: string | null): OutboxRecord[] {
    return document === null ? [] : this.#context.recordsOf(document).filter(isPending);
  }

  #check(wait: Wait) {
    const { document } = wait;
    if (document !== null) this.#checkDocument(wait, document);
    else if (this.#context.pending() === 0) this.#resolve(wait);
  }

  #checkDocument(wait: Wait, document: string) {
    const now = new Map(this.#context.recordsOf(document).map((one) => [one.seq, one]));
    // Until it has a place on disk a record is known by itself, and it cannot be gone.
    const current = (record: OutboxRecord) => (record.seq === null ? record : now.get(record.seq));
    wait.records = wait.records.flatMap((record) => current(record) ?? []);
    const refusal = wait.records.find(({ rejected }) => rejected !== null)?.rejected;
    // What was refused, the user knows of, also where it is in memory only.
    const isOver = wait.records.every(
      (record) =>
        wait.until === "durable" && (this.#context.isDurable(record) || !isPending(record)),
    );
    if (refusal && wait.until === "accepted") {
      this.#reject(wait, new ReplicateError("REFUSED", refusal.message, { cause: refusal }));
    } else if (isOver) {
      this.#resolve(wait);
    }
  }

  #resolve(wait: Wait) {
    this.#waits.delete(wait);
    wait.resolve();
  }

  #reject(wait: Wait, error: Error) {
    this.#waits.delete(wait);
    wait.reject(error);
  }
}

function isPending({ rejected }: OutboxRecord): boolean {
  return rejected === null;
}
