import { createHash } from "node:crypto";
import type { StoredDocument } from "./document.js";
import { justAfter, type IndexKey } from "./index-key.js";
import type { QueryPlan } from "./query-plan.js";
import { Scan } from "./scan.js";
import type { Transaction } from "./transaction.js";

export interface PageRequest {
  cursor: string | null;
  endCursor: string | null;
  pageSize: number;
  maximumRowsRead?: number | null;
  maximumBytesRead?: number | null;
}

export interface Page {
  page: StoredDocument[];
  isDone: boolean;
  continueCursor: string;
  splitCursor: string | null;
  pageStatus: "SplitRecommended" | "SplitRequired" | null;
}

/** The cursor behind the last row. */
const END_CURSOR = "_end_cursor";
const FINGERPRINT_LENGTH = 8;

export function readPage(
  transaction: Transaction,
  component: string,
  plan: QueryPlan,
  request: PageRequest,
): Page {
  const cursors = new Cursors(plan);
  const { cursor, endCursor, pageSize } = request;
  const interval = cursors.between(cursor, endCursor);
  const scan = new Scan(transaction, component, { ...plan, interval });
  const page: StoredDocument[] = [];
  const keys: IndexKey[] = [];
  let bytes = 0;
  let pageStatus: Page["pageStatus"] = null;
  let next: string | null = null;
  // A page of nothing still says whether there is anything; an end cursor overrides the size.
  while (endCursor !== null || page.length < pageSize) {
    const row = scan.nextRead();
    if (row === null) {
      next = endCursor ?? END_CURSOR;
      break;
    }
    keys.push(row.key);
    bytes += row.document.size;
    if (scan.passes(row.document)) page.push(row.document);
    if (isOver(keys.length, request.maximumRowsRead) || isOver(bytes, request.maximumBytesRead)) {
      pageStatus = "SplitRequired";
      break;
    }
  }
  if (next === null && pageStatus === null && !scan.hasMore()) next = END_CURSOR;
  const last = keys.at(-1);
  const continueCursor = next ?? (last === undefined ? (cursor ?? "") : cursors.encode(last));
  if (pageStatus === null && keys.length > pageSize + 1) pageStatus = "SplitRecommended";
  const middle = pageStatus !== null && keys.length >= 2 ? keys[(keys.length - 1) >> 1] : undefined;
  return {
    page,
    isDone: continueCursor === END_CURSOR,
    continueCursor,
    splitCursor: middle === undefined ? null : cursors.encode(middle),
    pageStatus,
  };
}

function isOver(amount: number, maximum: number | null | undefined): boolean {
  return typeof maximum === "number" && maximum > 0 && amount >= maximum;
}

/** Cursors name the last row before them, and the query they belong to. */
class Cursors {
  #plan: QueryPlan;
  #fingerprint: string;

  constructor(plan: QueryPlan) {
    this.#plan = plan;
    const { table, index, interval, order } = plan;
    this.#fingerprint = createHash("sha256")
      .update(JSON.stringify([table, index, interval, order]))
      .digest("hex")
      .slice(0, FINGERPRINT_LENGTH);
  }

  encode(key: IndexKey): string {
    return this.#fingerprint + Buffer.from(key, "latin1").toString("base64url");
  }

  between(cursor: string | null, endCursor: string | null): { from: IndexKey; to: IndexKey } {
    const { interval, order } = this.#plan;
    const { from, to } = interval;
    if (cursor === END_CURSOR) return order === "asc" ? { from: to, to } : { from, to: from };
    const start = cursor === null || cursor === "" ? null : this.#decode(cursor);
    const end = endCursor === null || endCursor === END_CURSOR ? null : this.#decode(endCursor);
    // The row at the cursor was in the page before; the one at the end cursor is in this page.
    return order === "asc"
      ? {
          from: start === null ? from : justAfter(start),
          to: end === null ? to : justAfter(end),
        }
      : { from: end ?? from, to: start ?? to };
  }

  #decode(cursor: string): IndexKey {
    if (!cursor.startsWith(this.#fingerprint)) {
      throw new Error(
        "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor is from a different query.",
      );
    }
    return Buffer.from(cursor.slice(FINGERPRINT_LENGTH), "base64url").toString("latin1");
  }
}
