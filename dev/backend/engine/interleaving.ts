/** Decides which of the running transactions makes its next syscall. */
export interface Interleaving {
  /** `pause` resolves when the transaction may go on; `null` if that is at once. */
  start(): { pause(): Promise<void> | null };
}

// Taken now: tests may replace the global by a fake that never fires by itself.
const soon = setImmediate;

/** A transaction lets others go first at its first syscall, and then after as many as this. */
const SYSCALLS_IN_A_ROW = 16;

/** First come, first served, in turns of the event loop. */
export function fairInterleaving(): Interleaving {
  return {
    start: () => {
      let made = 0;
      return {
        pause: () =>
          made++ % SYSCALLS_IN_A_ROW === 0
            ? new Promise<void>((resolve) => void soon(resolve))
            : null,
      };
    },
  };
}

/** Syscalls go on at once: a transaction is only overtaken by those it waits for. */
export function noInterleaving(): Interleaving {
  const pause = () => null;
  return { start: () => ({ pause }) };
}

/**
 * All running transactions stop before each syscall, and `random` (from a seed) chooses who goes
 * on. The same seed and the same calls give the same history.
 */
export function seededInterleaving(random: () => number): Interleaving {
  const waiting: (() => void)[] = [];
  let isPlanned = false;

  const proceed = () => {
    isPlanned = false;
    const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
    next?.();
    plan();
  };
  // A whole turn of the event loop: whoever went on has reached its next syscall by then.
  const plan = () => {
    if (isPlanned || waiting.length === 0) return;
    isPlanned = true;
    soon(proceed);
  };
  const pause = () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      plan();
    });
  return { start: () => ({ pause }) };
}

/** Mulberry32: small, fast, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
