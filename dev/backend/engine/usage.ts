import { LimitError, type Limits } from "./limits.js";

/** What a transaction has used up, under the names of `ctx.meta.getTransactionMetrics()`. */
export interface Usage {
  bytesRead: number;
  documentsRead: number;
  /** Index ranges: each `db.get` and each `db.query`. */
  databaseQueries: number;
  bytesWritten: number;
  documentsWritten: number;
  functionsScheduled: number;
  scheduledFunctionArgsBytes: number;
}

export type UsageKey = keyof Usage;

const READS: readonly UsageKey[] = ["bytesRead", "documentsRead", "databaseQueries"];

const MESSAGE: Record<UsageKey, string> = {
  bytesRead: "Too many bytes read",
  documentsRead: "Too many documents read",
  databaseQueries: "Too many index ranges read",
  bytesWritten: "Too many bytes written",
  documentsWritten: "Too many documents written",
  functionsScheduled: "Too many functions scheduled",
  scheduledFunctionArgsBytes: "Too large arguments of scheduled functions",
};

export function noUsage(): Usage {
  return {
    bytesRead: 0,
    documentsRead: 0,
    databaseQueries: 0,
    bytesWritten: 0,
    documentsWritten: 0,
    functionsScheduled: 0,
    scheduledFunctionArgsBytes: 0,
  };
}

export function addUsage(total: Usage, more: Usage): void {
  for (const key of Object.keys(more) as UsageKey[]) total[key] += more[key];
}

export function usageSince(before: Usage, now: Usage): Usage {
  const used = noUsage();
  for (const key of Object.keys(used) as UsageKey[]) used[key] = now[key] - before[key];
  return used;
}

/**
 * Counts what a transaction uses. Nested calls share its limits and may be given tighter ones; when
 * one is rolled back its reads stay counted, its writes do not.
 */
export class Meter {
  readonly used: Usage;
  #limits: Readonly<Usage>;

  constructor(limits: Readonly<Usage>, used: Usage = noUsage()) {
    this.used = used;
    this.#limits = limits;
  }

  static forTransaction(limits: Limits): Meter {
    return new Meter(limits);
  }

  add(key: UsageKey, amount: number): void {
    this.used[key] += amount;
    if (this.used[key] <= this.#limits[key]) return;
    throw new LimitError(
      `${MESSAGE[key]} in a single function execution: ${this.used[key]} (limit: ${this.#limits[key]}).`,
    );
  }

  nested(tighter: Partial<Usage> = {}): Meter {
    const limits = { ...this.#limits };
    for (const key of Object.keys(this.used) as UsageKey[]) {
      const own = tighter[key];
      if (own !== undefined) limits[key] = Math.min(limits[key], this.used[key] + own);
    }
    return new Meter(limits, { ...this.used });
  }

  absorb(nested: Meter, kept: "all" | "reads"): void {
    const keys = kept === "reads" ? READS : (Object.keys(this.used) as UsageKey[]);
    for (const key of keys) this.used[key] = nested.used[key];
  }

  /** As `ctx.meta.getTransactionMetrics()` gives it. */
  report(): Record<UsageKey, { used: number; remaining: number }> {
    const entries = (Object.keys(this.used) as UsageKey[]).map((key) => {
      const used = this.used[key];
      return [key, { used, remaining: Math.max(0, this.#limits[key] - used) }] as const;
    });
    return Object.fromEntries(entries) as Record<UsageKey, { used: number; remaining: number }>;
  }
}
