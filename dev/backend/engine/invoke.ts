import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { FunctionKind } from "../runtime.js";
import { componentAt, type EngineContext } from "./context.js";
import { holdsCommitTs } from "./document.js";
import { executions, type Execution } from "./execution.js";
import { displayPath, type FunctionLocation } from "./function-address.js";
import type { EngineFunction } from "./functions.js";
import { checkCallValue } from "./limits.js";
import { ValidationError, type Check } from "./validator.js";

/** What functions give each other: checked as a value, passed on as the text it came as. */
export interface Passed {
  value: Value;
  json: string;
}

/** Runs a function that was called from outside. */
export async function invoke(
  execution: Execution,
  kind: FunctionKind,
  args: Value,
): Promise<Value> {
  const passed = { value: args, json: JSON.stringify(convexToJson(args)) };
  return (await invokePassed(execution, kind, passed, false)).value;
}

/** Runs one function in its execution, with what goes in and comes out checked. */
export async function invokePassed(
  execution: Execution,
  kind: FunctionKind,
  args: Passed,
  mayHoldCommitTs: boolean,
): Promise<Passed> {
  const { context, location, run } = execution;
  const path = displayPath(location);
  const fn = findFunction(context, location, kind);
  if (!mayHoldCommitTs && holdsCommitTs(args.value)) {
    throw new Error(
      `Invalid arguments for "${path}": an unresolved commit timestamp can only be passed to a query or mutation that a mutation calls.`,
    );
  }
  checkCallValue(args.value, context.limits, `The arguments of "${path}"`);
  explain(fn.checkArgs, args.value, `ArgumentValidationError: the arguments of "${path}"`);
  const json = await executions.run(execution, () =>
    run.whileComputing(() => untilOver(execution, () => fn.invoke(`[${args.json}]`, ""))),
  );
  const value = jsonToConvex(JSON.parse(json) as JSONValue);
  checkCallValue(value, context.limits, `The results of "${path}"`);
  explain(fn.checkReturns, value, `ReturnsValidationError: the results of "${path}"`);
  return { value, json };
}

/** Calls that nobody awaited are waited for: they must not outlive the layer they write to. */
async function untilOver(execution: Execution, body: () => Promise<string>): Promise<string> {
  try {
    return await body();
  } finally {
    await execution.end();
  }
}

function findFunction(
  context: EngineContext,
  location: FunctionLocation,
  kind: FunctionKind,
): EngineFunction {
  const { component, path } = location;
  const name = displayPath(location);
  const fn = componentAt(context, component).functions.get(path);
  if (fn === undefined) throw new Error(`Could not find the function "${name}".`);
  if (fn.kind === kind) return fn;
  throw new Error(`"${name}" is a ${fn.kind}, and was called as a ${kind}.`);
}

function explain(check: Check, value: Value, what: string): void {
  try {
    check(value);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(`${what} do not fit: ${error.message}`, { cause: error });
  }
}
