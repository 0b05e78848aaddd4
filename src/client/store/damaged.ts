import { ReplicateError } from "../../shared/errors.js";

/** A document's base that cannot be trusted any more. */
export const DAMAGED = Symbol("damaged");

/**
 * The result of `work`, which decodes bytes of a document.
 *
 * @throws {ReplicateError} `SERVER_ERROR` where they are not an update: see {@link orDamaged}
 */
export function decoding<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw undecodable(cause);
  }
}

/**
 * The result of `work`, or that it met bytes which are not an update. A first load decodes nothing (C8), so
 * that a sound checksum may stand for such bytes: they are given up like any others that are damaged.
 */
export function orDamaged<T>(work: () => T): T | typeof DAMAGED {
  try {
    return work();
  } catch (error) {
    if ((error as ReplicateError).code === "SERVER_ERROR") return DAMAGED;
    throw error;
  }
}

/** Why bytes of the server cannot be used: it is at fault, and not this device's storage. */
export function undecodable(cause?: unknown): ReplicateError {
  const message = "The server sent bytes that are not a Yjs update (V1).";
  return new ReplicateError("SERVER_ERROR", message, { cause });
}
