import { addUsage, noUsage, type Usage } from "./usage.js";

/** What the runs of one function cost, those of the functions it called included. */
export interface FunctionMetrics extends Usage {
  /** Top-level runs, re-runs of subscriptions and scheduled runs included. */
  calls: number;
  /** Calls from other functions, as part of their transaction. */
  nestedCalls: number;
  failures: number;
  /** Attempts that found their reads overwritten. */
  conflicts: number;
  /** Attempts after the first. */
  retries: number;
  /** Query results that were taken from the cache. */
  cacheHits: number;
}

type Counter = "calls" | "nestedCalls" | "failures" | "conflicts" | "retries" | "cacheHits";

/** By function, as `tasks:list` or `replicate/log:page`. */
export class Metrics {
  #functions = new Map<string, FunctionMetrics>();

  get(path: string): FunctionMetrics {
    return { ...(this.#functions.get(path) ?? noMetrics()) };
  }

  all(): Record<string, FunctionMetrics> {
    return Object.fromEntries([...this.#functions].map(([path]) => [path, this.get(path)]));
  }

  reset(): void {
    this.#functions.clear();
  }

  count(path: string, counter: Counter): void {
    this.#of(path)[counter] += 1;
  }

  addUsage(path: string, usage: Usage): void {
    addUsage(this.#of(path), usage);
  }

  #of(path: string): FunctionMetrics {
    let metrics = this.#functions.get(path);
    if (metrics === undefined) this.#functions.set(path, (metrics = noMetrics()));
    return metrics;
  }
}

function noMetrics(): FunctionMetrics {
  return {
    calls: 0,
    nestedCalls: 0,
    failures: 0,
    conflicts: 0,
    retries: 0,
    cacheHits: 0,
    ...noUsage(),
  };
}
