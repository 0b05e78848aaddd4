type Event = { at: number; order: number; run: (() => unknown) | null };

const START = Date.UTC(2026, 0, 1);

/**
 * Virtual time: events run one by one in order, and each has all its consequences, promises
 * included, before the next begins. So a run depends on nothing but its seed.
 */
export class VirtualTime {
  /** Told what happens, for people to read; null when nobody wants to know. */
  trace: ((line: string) => void) | null = null;
  now = START;
  /** The next one is the last. */
  readonly #events: Event[] = [];
  #order = 0;

  /** Runs `run` after `ms`; the result undoes it. */
  after(ms: number, run: () => unknown): () => void {
    const event: Event = { at: this.now + Math.max(0, ms), order: this.#order++, run };
    this.#events.splice(this.#placeOf(event.at), 0, event);
    return () => void (event.run = null);
  }

  /** @param line Made only when somebody reads it. */
  note(line: () => string) {
    this.trace?.(`${((this.now - START) / 1000).toFixed(3).padStart(9)}  ${line()}`);
  }

  async advance(ms: number): Promise<void> {
    await quiet(); // what was just done comes first, and may add events
    const end = this.now + ms;
    for (let next = this.#events.at(-1); next && next.at <= end; next = this.#events.at(-1)) {
      this.#events.pop();
      if (next.run === null) continue;
      this.now = next.at;
      await next.run();
      await quiet();
    }
    this.now = end;
  }

  /** Where an event belongs: before all that happen no later, as it came after them. */
  #placeOf(at: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.at > at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Resolves once no promise has anything left to do. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
