import { getFunctionName, type FunctionReference, type UserIdentity } from "convex/server";
import { ConvexError, type Value } from "convex/values";
import type { ModuleGlob } from "../app.js";
import { isObject } from "../engine/document.js";
import type { FunctionArgs, FunctionCall, FunctionKind, Outcome } from "../runtime.js";
import type { InlineFunction } from "./inline-functions.js";
import type { AnySchema, TestEngine } from "./test-engine.js";

type Callable = FunctionReference<FunctionKind, "public" | "internal"> | InlineFunction;

const MAX_ITERATIONS = 100;

const ISSUER = "https://convex.test";

/** What convex-test calls `t`, so far as our tests use it. Internal functions can be called, too. */
export class TestAccessor {
  readonly #engine: TestEngine;
  readonly #identity: UserIdentity | null;

  constructor(engine: TestEngine, identity: UserIdentity | null) {
    this.#engine = engine;
    this.#identity = identity;
  }

  async query(fn: Callable, args?: FunctionArgs): Promise<Value> {
    const engine = await this.#engine.started();
    const call = this.#call("query", fn, args);
    const { outcome } = await engine.snapshot((snapshot) => snapshot.runQuery(call, null));
    return valueOf(outcome);
  }

  async mutation(fn: Callable, args?: FunctionArgs): Promise<Value> {
    const engine = await this.#engine.started();
    const { outcome } = await engine.runMutation(this.#call("mutation", fn, args));
    return valueOf(outcome);
  }

  async action(fn: Callable, args?: FunctionArgs): Promise<Value> {
    const engine = await this.#engine.started();
    return valueOf(await engine.runAction(this.#call("action", fn, args)));
  }

  run(fn: InlineFunction): Promise<Value> {
    return this.mutation(fn);
  }

  finishInProgressScheduledFunctions(): Promise<void> {
    return this.#engine.finishInProgress();
  }

  finishAllScheduledFunctions(
    advanceTimers: () => void,
    maxIterations = MAX_ITERATIONS,
  ): Promise<void> {
    return this.#engine.finishAll(advanceTimers, maxIterations);
  }

  withIdentity(identity: Partial<UserIdentity>): TestAccessor {
    const { subject = JSON.stringify(identity), issuer = ISSUER } = identity;
    const tokenIdentifier = `${issuer}|${subject}`;
    return new TestAccessor(this.#engine, { tokenIdentifier, ...identity, subject, issuer });
  }

  registerComponent(path: string, schema: AnySchema, modules: ModuleGlob): void {
    this.#engine.registerComponent(path, schema, modules);
  }

  #call(kind: FunctionKind, fn: Callable, args: FunctionArgs = {}): FunctionCall {
    const identity = this.#identity;
    if (typeof fn === "function") return { ...this.#engine.inline.call(kind, fn), identity };
    return { path: getFunctionName(fn), args, identity };
  }
}

function valueOf(outcome: Outcome): Value {
  // The engine shares the results of queries; a test may change its own.
  if (outcome.type === "value") return copyOf(outcome.value);
  if (outcome.data !== undefined) throw new ConvexError(outcome.data);
  throw new Error(outcome.message);
}

function copyOf(value: Value): Value {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copyOf(field!)]));
}
