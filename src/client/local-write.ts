import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import { idProblem } from "../shared/ids.js";
import {
  difference,
  flatten,
  unflatten,
  type FlatRow,
  type Operations,
} from "../shared/operations.js";
import type { LocalWrite } from "./store/records.js";

/** A local mutation, as TanStack DB describes it. */
export type LocalMutation = {
  type: "insert" | "update" | "delete";
  key: unknown;
  original: object;
  modified: object;
};

/**
 * What mutations come to; those that change nothing are left out.
 *
 * @param idempotencyKey Names their transaction, if that may come again.
 * @throws {ReplicateError} when a row could not be stored, here or on the server.
 */
export function toLocalWrites(
  mutations: readonly LocalMutation[],
  fields: CompiledFields,
  idempotencyKey?: string,
): LocalWrite[] {
  return mutations
    .map((mutation) => ({ ...toLocalWrite(mutation, fields), idempotencyKey }))
    .filter(({ kind, operations }) => kind !== "update" || operations.size > 0);
}

/**
 * The operations that a mutation comes to: only the paths that changed, never the whole row (C2).
 *
 * @throws {ReplicateError} when the row could not be stored, here or on the server.
 */
export function toLocalWrite(mutation: LocalMutation, fields: CompiledFields): LocalWrite {
  const { type, key, original, modified } = mutation;
  const problem = idProblem(key);
  if (problem) throw problem;
  const document = key as string;
  if (type === "delete") return { document, kind: "remove", operations: new Map() };

  checkId(document, modified);
  // An update is checked only for what it changes. The server checks the whole row, after it has taken
  // in direct edits of the table, e.g. ones that filled in a field that became required.
  const { tree } = fields;
  const before = type === "insert" ? undefined : withoutVirtual(original);
  const next = flatten(withoutVirtual(modified), tree, before);
  const previous: FlatRow = before ? flatten(before, tree, before) : new Map();
  const invalid = fields.check(unflatten(next, tree)!, unflatten(previous, tree) ?? undefined);
  if (invalid) throw invalid;
  const operations: Operations = difference(previous, next);
  return { document, kind: type, operations };
}

/**
 * Checks a row that an insert or an update is about to make.
 *
 * @param shown What is shown under its id; a row that is new is checked as a whole.
 * @throws {ReplicateError} when the row could not be stored, here or on the server.
 */
export function checkRow(row: unknown, shown: object | undefined, fields: CompiledFields) {
  if (typeof row !== "object" || row === null) {
    throw new ReplicateError("INVALID_VALUE", "A row has to be an object with an `id`.");
  }
  const { id } = row as { id?: unknown };
  const change = shown
    ? { type: "update" as const, original: { id, ...shown } }
    : { type: "insert" as const, original: {} };
  toLocalWrite({ ...change, key: id, modified: row }, fields);
}

/** Properties that TanStack DB adds to the rows it gives out, and that may come back in an insert. */
const VIRTUAL = new Set(["$synced", "$origin", "$key", "$collectionId", "$hasPendingWrites"]);

function withoutVirtual(row: object): object {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !VIRTUAL.has(key)));
}

function checkId(key: string, row: object) {
  const { id } = row as { id?: unknown };
  if (id === key) return;
  throw new ReplicateError(
    "INVALID_ID",
    `The row's id is ${JSON.stringify(id)}, but its key is ${JSON.stringify(key)}. They must be the same, and an id cannot change.`,
  );
}
