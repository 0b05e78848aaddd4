/** A set of listeners, each of which may leave at any time. */
export class Emitter<Args extends unknown[]> {
  readonly #listeners = new Set<(...args: Args) => unknown>();

  on(listener: (...args: Args) => unknown): () => void {
    const own = (...args: Args) => listener(...args);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** A listener that throws stops neither the others nor the caller. */
  emit(...args: Args) {
    for (const listener of [...this.#listeners]) guarded(() => listener(...args));
  }
}

/**
 * Calls someone else's code; what it throws, at once or in a promise, surfaces where uncaught errors
 * do, and not here.
 */
export function guarded(call: () => unknown) {
  try {
    Promise.resolve(call()).catch(report);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown) {
  const { reportError = console.error } = globalThis; // Node has no such function
  reportError(error);
}
