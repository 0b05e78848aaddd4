// @vitest-environment node
import type { GenericId } from "convex/values";
import { expect, it } from "vitest";
import { StoredDocument } from "./document.js";
import { newId } from "./ids.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { unpredictableBytes } from "./random-bytes.js";
import { Table } from "./table.js";
import { Transaction } from "./transaction.js";
import { Meter } from "./usage.js";

const id = newId("rows", unpredictableBytes()) as GenericId<"rows">;

function begin(): Transaction {
  const snapshot = { ts: 1n, tables: new Map() };
  return new Transaction(snapshot, Meter.forTransaction(DEFAULT_LIMITS), () => Table.create([]));
}

function write(transaction: Transaction, n: number | null): void {
  const document = n === null ? null : new StoredDocument({ _id: id, _creationTime: 1, n });
  transaction.write({ component: "", table: "rows", id, document });
}

const read = (transaction: Transaction) => transaction.get("", "rows", id)?.value["n"];

it("of several writes that nobody looked at, the last one counts", () => {
  const transaction = begin();
  for (const n of [1, 2, 3]) write(transaction, n);
  expect(read(transaction)).toBe(3);
  write(transaction, 4);
  write(transaction, null);
  expect(read(transaction)).toBeUndefined();
  expect(transaction.writes()).toHaveLength(1);
});

it("a nested call sees what its caller wrote, and leaves it as it was when it throws", async () => {
  const transaction = begin();
  write(transaction, 1);
  const nested = transaction.nested(undefined, async () => {
    expect(read(transaction)).toBe(1);
    write(transaction, 2);
    expect(read(transaction)).toBe(2);
    write(transaction, 3);
    throw new Error("no");
  });
  await expect(nested).rejects.toThrow("no");
  expect(read(transaction)).toBe(1);
  await transaction.nested(undefined, async () => write(transaction, 5));
  expect(read(transaction)).toBe(5);
});
