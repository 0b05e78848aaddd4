/** Lets so many in at once. The others wait, and enter in the order they came. */
export class Admission {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(body: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    // Whoever leaves hands over the place, so that nobody who comes later gets in between.
    else await new Promise<void>((enter) => this.#waiting.push(enter));
    try {
      return await body();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
