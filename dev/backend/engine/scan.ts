import type { StoredDocument } from "./document.js";
import { justAfter, type IndexKey } from "./index-key.js";
import type { Interval } from "./interval.js";
import type { Operator, QueryPlan } from "./query-plan.js";
import { tableKey } from "./store.js";
import type { Transaction } from "./transaction.js";

export interface Row {
  key: IndexKey;
  document: StoredDocument;
}

/**
 * Reads a range of an index row by row. The read set gets exactly what was looked at: up to the last
 * row read, or to the end of the range once it is exhausted.
 */
export class Scan {
  #transaction: Transaction;
  #plan: QueryPlan;
  #tableKey: string;
  /** What is left to read. */
  #rest: Interval;
  #read: Interval;
  #emitted: number[];

  constructor(transaction: Transaction, component: string, plan: QueryPlan) {
    this.#transaction = transaction;
    this.#plan = plan;
    this.#tableKey = tableKey(component, plan.table);
    this.#rest = { ...plan.interval };
    const start = plan.order === "asc" ? plan.interval.from : plan.interval.to;
    this.#read = { from: start, to: start };
    this.#emitted = plan.operators.map(() => 0);
    transaction.meter.add("databaseQueries", 1);
    transaction.reads.add(`${this.#tableKey}.${plan.index}`, this.#read);
  }

  /** The next row that passes the query's operators. */
  next(): Row | null {
    while (!this.#isLimited()) {
      const row = this.nextRead();
      if (row === null) return null;
      if (this.passes(row.document)) return row;
    }
    return null;
  }

  /** The next row of the range, whatever the operators say. */
  nextRead(): Row | null {
    const row = this.#peek();
    if (row === null) {
      this.#markExhausted();
      return null;
    }
    const { key, document } = row;
    if (this.#plan.order === "asc") this.#read.to = this.#rest.from = justAfter(key);
    else this.#read.from = this.#rest.to = key;
    this.#transaction.countRead(document);
    return row;
  }

  /** Whether the range goes on. The answer depends on the next row's place: it belongs to the reads. */
  hasMore(): boolean {
    const row = this.#peek();
    if (row === null) this.#markExhausted();
    else if (this.#plan.order === "asc") this.#read.to = justAfter(row.key);
    else this.#read.from = row.key;
    return row !== null;
  }

  /** Whether the operators let a document through. Limits count what comes by. */
  passes({ value }: StoredDocument): boolean {
    return this.#plan.operators.every((operator: Operator, i) => {
      if (operator.type === "filter") return operator.keeps(value);
      this.#emitted[i]! += 1;
      return this.#emitted[i]! <= operator.count;
    });
  }

  /** Looks at the next row of the range without reading it. */
  #peek(): Row | null {
    const { rows } = this.#transaction.table(this.#tableKey).indexes.get(this.#plan.index)!;
    const { from, to } = this.#rest;
    const pair =
      this.#plan.order === "asc" ? rows.getPairOrNextHigher(from) : rows.nextLowerPair(to);
    if (pair === undefined) return null;
    const [key, document] = pair;
    return key >= from && key < to ? { key, document } : null;
  }

  #isLimited(): boolean {
    return this.#plan.operators.some(
      (operator, i) => operator.type === "limit" && this.#emitted[i]! >= operator.count,
    );
  }

  #markExhausted(): void {
    this.#read.from = this.#plan.interval.from;
    this.#read.to = this.#plan.interval.to;
  }
}
