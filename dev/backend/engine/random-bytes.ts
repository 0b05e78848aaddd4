import { randomFillSync } from "node:crypto";

/** Asking the system costs as much for all of this as for the few bytes of one id. */
const POOL_BYTES = 4096;

/** Fills with random bytes. */
export type FillRandom = (bytes: Uint8Array) => void;

/** The system's, fetched many at a time. No more than `POOL_BYTES` can be asked for at once. */
export function unpredictableBytes(): FillRandom {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return (bytes) => {
    if (used + bytes.length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    bytes.set(pool.subarray(used, (used += bytes.length)));
  };
}

/** Repeatable: made from numbers from 0 up to 1. */
export function bytesFrom(random: () => number): FillRandom {
  return (bytes) => void bytes.forEach((_, i) => (bytes[i] = Math.floor(random() * 256)));
}
