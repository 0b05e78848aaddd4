import { ConvexError, type Value } from "convex/values";
import type { UserIdentity } from "convex/server";
import type { FunctionArgs, Outcome } from "../runtime.js";
import type { Engine } from "./engine.js";

/** Calls an engine's functions as a test wants to: values come back, errors are thrown. */
export async function mutate(
  engine: Engine,
  path: string,
  args: FunctionArgs = {},
): Promise<Value> {
  const { outcome } = await engine.runMutation({ path, args, identity: null });
  return valueOf(outcome);
}

export async function ask(
  engine: Engine,
  path: string,
  args: FunctionArgs = {},
  identity: UserIdentity | null = null,
): Promise<Value> {
  const { outcome } = await engine.snapshot((snapshot) =>
    snapshot.runQuery({ path, args, identity }, null),
  );
  return valueOf(outcome);
}

export async function act(engine: Engine, path: string, args: FunctionArgs = {}): Promise<Value> {
  return valueOf(await engine.runAction({ path, args, identity: null }));
}

function valueOf(outcome: Outcome): Value {
  if (outcome.type === "value") return outcome.value;
  if (outcome.data !== undefined) throw new ConvexError(outcome.data);
  throw new Error(outcome.message);
}
