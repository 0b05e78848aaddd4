import type { Environment } from "./environment.js";

/** First step of the backoff, in ms. */
const BASE_MS = 500;

/** Longest wait between two attempts, in ms; there is no last attempt (C5). */
const MAX_MS = 30_000;

/**
 * How long to wait after the n-th failure in a row (from 0): exponential with full jitter.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(failures: number, { random }: Environment): number {
  return random() * Math.min(MAX_MS, BASE_MS * 2 ** failures);
}
