import type { UserIdentity } from "convex/server";
import type { Value } from "convex/values";
import { Admission } from "./admission.js";
import { createTable, type EngineContext } from "./context.js";
import { holdsCommitTs, resolveCommitTs } from "./document.js";
import { Execution, executions, observations, type Observations } from "./execution.js";
import { displayPath, type FunctionLocation } from "./function-address.js";
import { invoke, invokePassed, type Passed } from "./invoke.js";
import { newRun, type Run } from "./run.js";
import { backOff, conflictError, MAX_RETRIES } from "./retry.js";
import type { Snapshot } from "./store.js";
import type { Committed, MutationOptions, TopLevelCall } from "./top-level-call.js";
import { Transaction } from "./transaction.js";
import { Meter, usageSince, type Usage } from "./usage.js";

type Attempt =
  | { type: "committed"; value: Value; ts: bigint; published: Promise<void> }
  | { type: "conflict"; table: string; published: Promise<void> }
  | { type: "given up" };

/** Runs functions: top-level ones in transactions of their own, nested ones in their caller's. */
export class Runner {
  #context: EngineContext;
  #active = 0;
  #admission: Admission;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#admission = new Admission(context.limits.concurrentMutations);
  }

  /** Whether anything runs now; what waits for the clock does not. */
  get isBusy(): boolean {
    return this.#active > 0;
  }

  async query(
    { location, args, identity }: TopLevelCall,
    snapshot: Snapshot,
    observed: Observations,
  ): Promise<{ value: Promise<Value>; transaction: Transaction }> {
    const transaction = this.#newTransaction(snapshot);
    const value = this.#busy(async () => {
      const run = newRun(this.#context, "transaction");
      const execution = this.#execution(location, "query", identity, transaction, observed, run);
      const result = await this.#measured(location, transaction, "calls", () =>
        invoke(execution, "query", args),
      );
      if (!holdsCommitTs(result)) return result;
      throw new Error("A query cannot return an unresolved commit timestamp.");
    });
    await value.catch(() => {});
    return { value, transaction };
  }

  /** Retries conflicts as Convex does. `null` when `prepare` gave it up. */
  async mutation(call: TopLevelCall, options: MutationOptions = {}): Promise<Committed | null> {
    for (let attempt = 0; ; attempt++) {
      const result = await this.#busy(async () => {
        const attempt = await this.#admission.run(() => this.#attempt(call, options));
        // After a conflict, too: the next attempt has to see what this one collided with.
        if (attempt.type !== "given up") await attempt.published;
        return attempt;
      });
      if (result.type === "committed") return result;
      if (result.type === "given up") return null;
      const path = displayPath(call.location);
      this.#context.metrics.count(path, "conflicts");
      if (attempt === MAX_RETRIES) throw conflictError(path, result.table);
      this.#context.metrics.count(path, "retries");
      await backOff(this.#context, attempt);
    }
  }

  action({ location, args, identity }: TopLevelCall): Promise<Value> {
    return this.#busy(() => {
      const { metrics } = this.#context;
      const path = displayPath(location);
      metrics.count(path, "calls");
      const run = newRun(this.#context, "action");
      const execution = this.#execution(location, "action", identity, null, observations(), run);
      return invoke(execution, "action", args).catch((error: unknown) => {
        metrics.count(path, "failures");
        throw error;
      });
    });
  }

  /** Runs something that is not a registered function (an HTTP action) as one. */
  inAction<T>(
    location: FunctionLocation,
    identity: UserIdentity | null,
    body: () => Promise<T>,
  ): Promise<T> {
    const run = newRun(this.#context, "action");
    const execution = this.#execution(location, "http", identity, null, observations(), run);
    return this.#busy(() => executions.run(execution, body));
  }

  /** A call from a query or mutation to another function, within its transaction. */
  async nested(
    caller: Execution,
    type: "query" | "mutation" | "snapshotQuery",
    location: FunctionLocation,
    args: Passed,
    limits: Partial<Usage> | undefined,
  ): Promise<Passed> {
    const { context, transaction, depth, observations: observed, run } = caller;
    if (depth >= context.limits.callDepth) {
      throw new Error(`Functions call each other more than ${context.limits.callDepth} deep.`);
    }
    const isStale = type === "snapshotQuery";
    const kind = type === "mutation" ? "mutation" : "query";
    const own = isStale ? transaction!.stale() : transaction!;
    // Identity does not cross the border of a component.
    const identity = location.component === caller.component ? caller.identity : null;
    const child = new Execution(context, location, kind, identity, own, observed, depth + 1, run);
    try {
      return await this.#measured(location, own, "nestedCalls", () =>
        own.nested(limits, () => invokePassed(child, kind, args, caller.kind === "mutation")),
      );
    } finally {
      if (isStale) transaction!.meter.absorb(own.meter, "reads");
    }
  }

  /** A transaction of the engine itself. */
  async transact<T>(body: (transaction: Transaction) => T): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const result = await this.#busy(() => this.#transactOnce(body));
      if (result.type === "committed") return result.value;
      await backOff(this.#context, attempt);
    }
  }

  async #transactOnce<T>(
    body: (transaction: Transaction) => T,
  ): Promise<{ type: "committed"; value: T } | { type: "conflict" }> {
    const { store } = this.#context;
    const { snapshot, end } = store.begin();
    try {
      const transaction = this.#newTransaction(snapshot);
      const value = body(transaction);
      const { reads } = transaction;
      const writes = transaction.writes();
      if (writes.length === 0) return { type: "committed", value };
      const result = store.commit({ snapshot, reads, writes });
      await result.published;
      return result.type === "committed" ? { type: "committed", value } : result;
    } finally {
      end();
    }
  }

  async #attempt(
    { location, args, identity }: TopLevelCall,
    options: MutationOptions,
  ): Promise<Attempt> {
    const { store } = this.#context;
    const { snapshot, end } = store.begin();
    try {
      const transaction = this.#newTransaction(snapshot);
      if (options.prepare?.(transaction) === false) return { type: "given up" };
      const run = newRun(this.#context, "transaction");
      const execution = this.#execution(
        location,
        "mutation",
        identity,
        transaction,
        observations(),
        run,
      );
      const value = await this.#measured(location, transaction, "calls", () =>
        invoke(execution, "mutation", args),
      );
      const { reads } = transaction;
      const writes = transaction.writes();
      const note = options.note?.(value);
      if (writes.length === 0 && note === undefined) {
        // Nothing to validate or to keep: it is as if it had run at its snapshot's time.
        return committed(value, snapshot.ts, Promise.resolve());
      }
      const result = store.commit({ snapshot, reads, writes, note });
      if (result.type === "conflict") return result;
      return committed(value, result.commit.ts, result.published);
    } finally {
      end();
    }
  }

  async #measured<T>(
    location: FunctionLocation,
    transaction: Transaction,
    counter: "calls" | "nestedCalls",
    body: () => Promise<T>,
  ): Promise<T> {
    const { metrics } = this.#context;
    const path = displayPath(location);
    const before = { ...transaction.meter.used };
    metrics.count(path, counter);
    try {
      return await body();
    } catch (error) {
      metrics.count(path, "failures");
      throw error;
    } finally {
      metrics.addUsage(path, usageSince(before, transaction.meter.used));
    }
  }

  #execution(
    location: FunctionLocation,
    kind: Execution["kind"],
    identity: UserIdentity | null,
    transaction: Transaction | null,
    observed: Observations,
    run: Run,
  ): Execution {
    return new Execution(this.#context, location, kind, identity, transaction, observed, 1, run);
  }

  #newTransaction(snapshot: Snapshot): Transaction {
    const { components, limits } = this.#context;
    return new Transaction(snapshot, Meter.forTransaction(limits), (key) =>
      createTable(components, key),
    );
  }

  async #busy<T>(body: () => Promise<T>): Promise<T> {
    this.#active += 1;
    try {
      return await body();
    } finally {
      this.#active -= 1;
    }
  }
}

function committed(value: Value, ts: bigint, published: Promise<void>): Attempt {
  return { type: "committed", value: resolveCommitTs(value, ts), ts, published };
}
