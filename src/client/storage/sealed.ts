import { checksum } from "./checksum.js";
import { newerData } from "./newer-data.js";

/** Version of how single values are stored. A package that stores more raises it. */
const FORMAT = 1;

/** A value as it is stored: with a checksum that shows whether it is still what was written. */
export type Sealed = { format: number; sum: number; value: unknown };

export type Unsealed<T> =
  | { kind: "intact"; value: T }
  /** Its content cannot be trusted. */
  | { kind: "damaged" }
  /** A newer version of this package wrote it; it is not ours to judge. */
  | { kind: "newer" };

export function seal(value: unknown): Sealed {
  return { format: FORMAT, sum: checksum(value), value };
}

export function unseal<T>(stored: unknown): Unsealed<T> {
  const { format, sum, value } = (stored ?? {}) as Partial<Sealed>;
  if (Number.isSafeInteger(format) && format! > FORMAT) return { kind: "newer" };
  if (format !== FORMAT || sum !== checksum(value)) return { kind: "damaged" };
  return { kind: "intact", value: value as T };
}

/**
 * What was sealed, or undefined where that is damaged.
 *
 * @throws {ReplicateError} `NEWER_DATA`
 */
export function intact<T>(stored: unknown): T | undefined {
  const unsealed = unseal<T>(stored);
  if (unsealed.kind === "newer") throw newerData();
  return unsealed.kind === "intact" ? unsealed.value : undefined;
}
