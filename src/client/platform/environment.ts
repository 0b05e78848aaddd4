/** Everything from outside that decides what happens when; passed in, so that tests can own it. */
export interface Environment {
  /** Milliseconds since the epoch, for people to read: the user may set this clock to anything. */
  now(): number;
  /** Milliseconds since some moment in the past, for differences: this clock never jumps. */
  elapsed(): number;
  /** From 0 to 1. */
  random(): number;
  /** Runs `callback` after `ms`; the result undoes it. */
  after(ms: number, callback: () => void): () => void;
}

export const realEnvironment: Environment = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
  },
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once when `signal` fires. */
export function sleep(environment: Environment, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = environment.after(ms, finish);
    if (signal.aborted) finish();
    else signal.addEventListener("abort", finish, { once: true });
  });
}

/** `promise`, or a rejection with `error()` when it takes longer than `ms`. */
export function withTimeout<T>(
  environment: Environment,
  promise: Promise<T>,
  ms: number,
  error: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = environment.after(ms, () => reject(error()));
    promise.then(resolve, reject).finally(cancel);
  });
}
