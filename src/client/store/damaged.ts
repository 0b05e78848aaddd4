import { ReplicateError } from "../../shared/errors.js";

/** A document's base that cannot be trusted any more. */
export const DAMAGED = Symbol("damaged");

/**
 * The result of `work`, which decodes bytes of a document.
 *
 * @throws {ReplicateError} `INVALID_UPDATE` where they are no update: see {@link orDamaged}
 */
export function decoding<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const message = "What the server sent of a document is no Yjs update (V1).";
    throw new ReplicateError("INVALID_UPDATE", message, { cause });
  }
}

/**
 * The result of `work`, or that it met bytes which are no update. A first load decodes nothing (C8), so
 * that a sound checksum may stand for such bytes: they are given up like any others that are damaged.
 */
export function orDamaged<T>(work: () => T): T | typeof DAMAGED {
  try {
    return work();
  } catch (error) {
    if ((error as ReplicateError).code === "INVALID_UPDATE") return DAMAGED;
    throw error;
  }
}
