import { ReplicateError } from "../shared/errors.js";
import type { OutboxRecord } from "./store/records.js";

/** What can be waited for: that changes are on disk, or that the server has accepted them. */
export type WaitFor = "durable" | "accepted";

/** The outbox as it is now. */
export type WaitContext = {
  recordsOf(document: string): readonly OutboxRecord[];
  isDurable(record: OutboxRecord): boolean;
};

type Wait = {
  document: string;
  until: WaitFor;
  /** What is still waited for. */
  records: readonly OutboxRecord[];
  resolve(): void;
  reject(error: Error): void;
};

/** Promises about local changes of one document, those made until the promise was asked for. */
export class Waits {
  readonly #waits = new Set<Wait>();
  readonly #context: WaitContext;

  constructor(context: WaitContext) {
    this.#context = context;
  }

  /** @throws {ReplicateError} `REFUSED` when the server refuses one of them. */
  wait(document: string, until: WaitFor): Promise<void> {
    return new Promise((resolve, reject) => {
      const records = this.#pending(document);
      this.#waits.add({ document, until, records, resolve, reject });
      this.check();
    });
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

  fail(error: Error) {
    for (const wait of this.#waits) wait.reject(error);
    this.#waits.clear();
  }

  #pending(document: string): OutboxRecord[] {
    return this.#context.recordsOf(document).filter(({ rejected }) => rejected === null);
  }

  #check(wait: Wait) {
    const now = new Map(this.#context.recordsOf(wait.document).map((one) => [one.seq, one]));
    // Until it has a place on disk a record is known by itself, and it cannot be gone.
    const current = (record: OutboxRecord) => (record.seq === null ? record : now.get(record.seq));
    wait.records = wait.records.flatMap((record) => current(record) ?? []);
    const refusal = wait.records.find(({ rejected }) => rejected !== null)?.rejected;
    const isOver = wait.records.every(
      (record) => wait.until === "durable" && this.#context.isDurable(record),
    );
    if (refusal && wait.until === "accepted") {
      wait.reject(new ReplicateError("REFUSED", refusal.message, { cause: refusal }));
    } else if (isOver) {
      wait.resolve();
    } else {
      return;
    }
    this.#waits.delete(wait);
  }
}
