import {
  CommitTsPlaceholder,
  convexToJson,
  getDocumentSize,
  type GenericId,
  type Value,
} from "convex/values";

/** A document's value with its system fields. Never changed once it is stored. */
export type DocumentValue = { [field: string]: Value | undefined } & {
  _id: GenericId<string>;
  _creationTime: number;
};

/** A document and what is worked out from it at most once. */
export class StoredDocument {
  #json: string | undefined;
  #size: number | undefined;

  constructor(readonly value: DocumentValue) {}

  get id(): string {
    return this.value._id;
  }

  get json(): string {
    return (this.#json ??= JSON.stringify(convexToJson(this.value)));
  }

  /** In bytes, as Convex counts them. */
  get size(): number {
    return (this.#size ??= getDocumentSize(this.value as Record<string, Value>));
  }
}

/** The field at a dotted path; `undefined` when there is none. */
export function fieldAt(value: Value | undefined, path: readonly string[]): Value | undefined {
  let found = value;
  for (const name of path) {
    if (!isObject(found)) return undefined;
    found = Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

export function isObject(
  value: Value | undefined,
): value is { [field: string]: Value | undefined } {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ArrayBuffer) &&
    !(value instanceof CommitTsPlaceholder)
  );
}

export function holdsCommitTs(value: Value | undefined): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof CommitTsPlaceholder) return true;
  if (Array.isArray(value)) return value.some(holdsCommitTs);
  return isObject(value) && Object.values(value).some(holdsCommitTs);
}

/** The value with the commit's timestamp in place of every placeholder. */
export function resolveCommitTs(value: Value, ts: bigint): Value {
  if (!holdsCommitTs(value)) return value;
  if (value instanceof CommitTsPlaceholder) return ts;
  if (Array.isArray(value)) return value.map((element) => resolveCommitTs(element, ts));
  return Object.fromEntries(
    Object.entries(value as Record<string, Value>).map(([name, field]) => [
      name,
      resolveCommitTs(field, ts),
    ]),
  );
}
