import { sleep } from "./clock.js";
import type { EngineContext } from "./context.js";
import { SystemError } from "./failure.js";

/** Convex's policy for mutations whose reads were overwritten before they could commit. */
export const MAX_RETRIES = 4;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2000;

/** Exponential, with full jitter: those who collided once shall not meet again. */
export function backOff(
  { clock, random }: Pick<EngineContext, "clock" | "random">,
  attempt: number,
): Promise<void> {
  return sleep(clock, random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt));
}

export function conflictError(path: string, table: string): SystemError {
  return new SystemError(
    "OptimisticConcurrencyControlFailure",
    `Documents read from or written to the "${table}" table changed while "${path}" was being run and on every subsequent retry. See https://docs.convex.dev/error#1`,
  );
}
