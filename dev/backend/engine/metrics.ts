import type { FunctionMetrics, RuntimeMetrics } from "../runtime.js";
import { addUsage, noUsage, type Usage } from "./usage.js";

type Counter = "calls" | "nestedCalls" | "failures" | "conflicts" | "retries" | "cacheHits";

/** By function, as `tasks:list` or `replicate/log:page`. */
export class Metrics implements RuntimeMetrics {
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
