import type { Environment } from "../platform/environment.js";
import type { OpenOptions } from "./storage.js";

/** Some browsers never answer (WebKit bug 226547); after this time in ms nobody waits any more. */
const OPEN_TIMEOUT_MS = 10_000;

/**
 * Opens a database; rejects when no answer comes, and closes what is opened later. One that another tab is
 * in the way of, or that is being brought to a newer version, has all the time it takes.
 */
export function openInTime<T extends { close(): void }>(
  environment: Environment,
  { onBlocked, upgrade, ...options }: OpenOptions,
  open: (options: OpenOptions) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const stopWaiting = environment.after(OPEN_TIMEOUT_MS, () => {
      isLate = true;
      reject(new Error(`it does not open within ${OPEN_TIMEOUT_MS / 1_000} s`));
    });
    const watched: OpenOptions = {
      ...options,
      upgrade: async (...args) => {
        stopWaiting(); // it does answer, and there may be much to do
        await upgrade?.(...args);
      },
      onBlocked: () => {
        stopWaiting();
        if (!isLate) onBlocked?.();
      },
    };
    const take = (opened: T) => {
      if (isLate) opened.close();
      else resolve(opened);
    };
    open(watched).then(take, reject).finally(stopWaiting);
  });
}
