/** A value that lives outside React and can be watched with `useSyncExternalStore`. */
export interface External<T> {
  get(): T;
  set(next: T): void;
  subscribe(listener: () => void): () => void;
}

export function external<T>(initial: T): External<T> {
  const listeners = new Set<() => void>();
  let value = initial;
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
