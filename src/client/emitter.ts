/** A set of listeners, each of which may leave at any time. */
export class Emitter<Args extends unknown[]> {
  readonly #listeners = new Set<(...args: Args) => void>();

  on(listener: (...args: Args) => void): () => void {
    const own = (...args: Args) => listener(...args);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** A listener that throws stops neither the others nor whoever tells them. */
  emit(...args: Args) {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...args);
      } catch (error) {
        surface(error);
      }
    }
  }
}

/** Browsers treat it like any uncaught error; Node has no such function. */
function surface(error: unknown) {
  const { reportError = console.error } = globalThis;
  reportError(error);
}
