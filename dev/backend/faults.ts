import type { FunctionKind } from "./runtime.js";

/** Which calls a fault meets: all, or only those of one function or one kind. */
export interface CallFilter {
  path?: string;
  kind?: FunctionKind;
}

/** `before`: the function has not run, and leaves no trace. `after`: it has run and committed. */
export type When = (typeof WHEN)[number];
const WHEN = ["before", "after"] as const;

/** `error`: the caller is told that it failed. `cut`: the connection breaks instead of answering. */
export type How = (typeof HOW)[number];
const HOW = ["error", "cut"] as const;

export interface FailRule extends CallFilter {
  /** How many matching calls. Default 1. */
  count?: number;
  when: When;
  /** Default: `error` before, `cut` after. */
  how?: How;
}

export interface DelayRule extends CallFilter {
  /** How many matching calls. Default 1. */
  count?: number;
  ms: number;
  /** Whether it runs late, or is only answered late. Default `before`. */
  when?: When;
}

/** A rule with its defaults. */
type Complete<Rule extends CallFilter> = CallFilter & Required<Omit<Rule, keyof CallFilter>>;

/** What happens to one call. */
export interface CallFate {
  delayMs: Record<When, number>;
  failure: { when: When; how: How } | null;
}

/** What `GET /dev/faults` answers, too. */
export interface FaultState {
  refusing: boolean;
  stalled: boolean;
  calls: Record<string, number>;
}

/** What faults do to connections. */
export interface FaultySockets {
  dropAll(): void;
  stallAll(stalled: boolean): void;
}

/** How many calls each function got. */
class CallCounter {
  #counts = new Map<string, number>();

  get(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  add(path: string): void {
    this.#counts.set(path, this.get(path) + 1);
  }

  reset(): void {
    this.#counts.clear();
  }

  all(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/**
 * Makes the backend misbehave, for tests.
 *
 * A subscription meets faults when it is added to a connection; its re-runs after commits are
 * counted, but never delayed or failed.
 *
 * @example
 * backend.faults.failNext({ path: "tasks:push", when: "after" }); // it commits, nobody hears of it
 * backend.faults.delayNext({ kind: "query", ms: 500, count: 3 });
 * expect(backend.faults.calls.get("tasks:push")).toBeLessThanOrEqual(3);
 */
export class Faults {
  /**
   * Runs of each function on behalf of clients: calls over WebSocket and HTTP (also those failed by
   * a fault), first runs of subscriptions and their re-runs. A mutation answered from memory did
   * not run.
   */
  readonly calls = new CallCounter();
  #failures: Complete<FailRule>[] = [];
  #delays: Complete<DelayRule>[] = [];
  #refusing = false;
  #stalled = false;
  #sockets: FaultySockets;

  constructor(sockets: FaultySockets) {
    this.#sockets = sockets;
  }

  /** Breaks every open WebSocket without a goodbye, as a lost network does. */
  dropSockets(): void {
    this.#sockets.dropAll();
  }

  /**
   * From now on WebSockets stay open and carry nothing, either way, as on a network that has gone
   * silent. What is sent meanwhile arrives once they go on.
   */
  stallSockets(): void {
    this.#setStalled(true);
  }

  unstallSockets(): void {
    this.#setStalled(false);
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  /** From now on WebSockets and API requests are cut off at once. Open sockets stay. */
  refuseConnections(): void {
    this.#refusing = true;
  }

  allowConnections(): void {
    this.#refusing = false;
  }

  get refusing(): boolean {
    return this.#refusing;
  }

  failNext(rule: FailRule): void {
    const how = rule.how ?? (rule.when === "before" ? "error" : "cut");
    expectOneOf("when", rule.when, WHEN);
    expectOneOf("how", how, HOW);
    this.#failures.push({ count: 1, ...rule, how });
  }

  delayNext(rule: DelayRule): void {
    const { when = "before", ms } = rule;
    expectOneOf("when", when, WHEN);
    if (!(ms >= 0)) throw new Error(`A delay's \`ms\` has to be a number from 0, not ${ms}.`);
    this.#delays.push({ count: 1, ...rule, when });
  }

  /** Back to a well-behaved backend, with all counters at zero. */
  reset(): void {
    this.#failures = [];
    this.#delays = [];
    this.#refusing = false;
    this.#setStalled(false);
    this.calls.reset();
  }

  #setStalled(stalled: boolean): void {
    this.#stalled = stalled;
    this.#sockets.stallAll(stalled);
  }

  state(): FaultState {
    return { refusing: this.#refusing, stalled: this.#stalled, calls: this.calls.all() };
  }

  /** Counts a call and uses up the first rule of each sort that matches it. */
  meet(kind: FunctionKind, path: string): CallFate {
    this.calls.add(path);
    const delayMs = { before: 0, after: 0 };
    const delay = useFirst(this.#delays, kind, path);
    if (delay !== undefined) delayMs[delay.when] = delay.ms;
    return { delayMs, failure: useFirst(this.#failures, kind, path) ?? null };
  }
}

/** Rules may come from another process, as JSON. */
function expectOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new Error(`A fault's \`${name}\` is one of ${allowed.join(", ")}, not ${value}.`);
}

function useFirst<Rule extends CallFilter & { count: number }>(
  rules: Rule[],
  kind: FunctionKind,
  path: string,
): Rule | undefined {
  const index = rules.findIndex(
    (rule) => (rule.path ?? path) === path && (rule.kind ?? kind) === kind,
  );
  const rule = rules[index];
  if (rule === undefined) return undefined;
  rule.count -= 1;
  if (rule.count <= 0) rules.splice(index, 1);
  return rule;
}
