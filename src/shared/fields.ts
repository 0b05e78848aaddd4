import type { ObjectType, PropertyValidators, Validator } from "convex/values";
import { ReplicateError } from "./errors.js";
import { isConvexKey, isPlainObject, keyAdvice } from "./values.js";

/** The fields of a replicated table: Convex validators by name. */
export type Fields = PropertyValidators;

/** A document as plain JSON: its id and its fields. */
export type Row<F extends Fields> = Expand<{ id: string } & ObjectType<F>>;

type Expand<T> = T extends object ? { [K in keyof T]: T[K] } : never;

/** Columns that `replicatedTable()` adds to the app's table. */
const RESERVED_FIELDS = ["id", "version", "timestamp"] as const;

/**
 * Declares the fields of a replicated table. Keep them in a module of their own: the schema, the
 * server functions and the client all import it, so they cannot disagree (D3).
 *
 * `v.object()` and `v.record()` are merged key by key, however deep; every other validator (arrays,
 * unions, scalars, bytes) is one value, of which the last write to reach the server wins.
 *
 * @example
 * ```ts
 * export const taskFields = defineFields({
 *   title: v.string(),
 *   done: v.boolean(),
 *   details: v.object({ due: v.optional(v.string()) }),
 * });
 * export type Task = Row<typeof taskFields>;
 * ```
 * @throws {ReplicateError} `INVALID_FIELDS` for a name that Convex refuses or that is taken.
 */
export function defineFields<F extends Fields>(fields: F): F {
  checkShape(fields);
  for (const [name, validator] of Object.entries(fields)) checkField(name, validator);
  return fields;
}

function checkShape(fields: unknown) {
  const { isConvexValidator, kind } = (fields ?? {}) as Record<string, unknown>;
  if (isConvexValidator === true) {
    throw new ReplicateError(
      "INVALID_FIELDS",
      `The fields of a replicated table are an object of validators, not one validator. Pass the fields themselves, not v.${kind === "object" ? "object(fields)" : `${String(kind)}(…)`}.`,
    );
  }
  if (isPlainObject(fields)) return;
  throw new ReplicateError(
    "INVALID_FIELDS",
    `The fields of a replicated table are an object of validators by name, such as { title: v.string() }, not ${fields === null ? "null" : typeof fields}.`,
  );
}

function checkField(name: string, validator: Validator<unknown, "required" | "optional", string>) {
  if (!isConvexKey(name)) throw invalid(name, keyAdvice(name));
  if ((RESERVED_FIELDS as readonly string[]).includes(name)) {
    throw invalid(name, `\`${name}\` is a column that replicatedTable() adds itself`);
  }
  if (validator?.isConvexValidator !== true) throw invalid(name, "its value is not a validator");
  if (validator.kind === "commitTs") {
    throw invalid(
      name,
      "only the server can know a commit timestamp, so a client cannot write one",
    );
  }
}

function invalid(name: string, why: string): ReplicateError {
  return new ReplicateError(
    "INVALID_FIELDS",
    `The field \`${name}\` cannot be replicated: ${why}.`,
  );
}
