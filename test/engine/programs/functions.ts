import { mutationGeneric, queryGeneric } from "convex/server";
import { v, type Value } from "convex/values";
import { Interpreter } from "./interpreter.js";
import type { Step } from "./program.js";

const args = { steps: v.any(), passed: v.optional(v.any()) };
type Args = { steps: Step[]; passed?: Value };

/** The one query and the one mutation of every app and component in these tests. */
export const query = queryGeneric({
  args,
  handler: (ctx, { steps, passed }: Args) => new Interpreter(ctx, passed).run(steps),
});

export const mutation = mutationGeneric({
  args,
  handler: (ctx, { steps, passed }: Args) => new Interpreter(ctx, passed).run(steps),
});
