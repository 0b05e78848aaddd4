/** A seeded pseudo-random generator: mulberry32 (public domain, Tommy Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Event = { at: number; order: number; run: () => unknown };

/**
 * Virtual time: events run one by one in order, and each has all its consequences, promises
 * included, before the next begins. So a run depends on nothing but its seed.
 */
export class VirtualTime {
  now = Date.UTC(2026, 0, 1);
  #events: Event[] = [];
  #order = 0;

  /** Runs `run` after `ms`; the result undoes it. */
  after(ms: number, run: () => unknown): () => void {
    const event = { at: this.now + ms, order: this.#order++, run };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  async advance(ms: number): Promise<void> {
    await quiet(); // what was just done comes first, and may add events
    const end = this.now + ms;
    for (;;) {
      const next = this.#events.reduce<Event | null>(
        (best, event) => (event.at <= end && (!best || isBefore(event, best)) ? event : best),
        null,
      );
      if (!next) break;
      this.#events = this.#events.filter((event) => event !== next);
      this.now = Math.max(this.now, next.at);
      await next.run();
      await quiet();
    }
    this.now = end;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves once no promise has anything left to do. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
