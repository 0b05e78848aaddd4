/** Work that is named, and not begun again while it is under way. */
export class SingleFlight {
  readonly #running = new Map<string, Promise<void>>();

  async run(name: string, work: () => Promise<void>): Promise<void> {
    const known = this.#running.get(name);
    if (known) return known;
    const running = work();
    this.#running.set(name, running);
    try {
      await running;
    } finally {
      this.#running.delete(name);
    }
  }
}
