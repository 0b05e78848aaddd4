/** What nobody caught since this list was last emptied. */
export const strayErrors: Error[] = [];

/** Collects what would otherwise end the process, or only be printed. */
export function collectStrayErrors() {
  const collect = (error: unknown) => void strayErrors.push(error as Error);
  process.on("unhandledRejection", collect);
  process.on("uncaughtException", collect);
  globalThis.reportError = collect;
}

/** Calls something of the client; what it throws would be an uncaught error in a page. */
export function guarded<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    strayErrors.push(error as Error);
    return undefined;
  }
}
