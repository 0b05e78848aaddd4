import {
  actionGeneric,
  mutationGeneric,
  queryGeneric,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
} from "convex/server";
import { v } from "convex/values";
import type { FunctionArgs, FunctionKind } from "../runtime.js";

type AnyCtx =
  | GenericQueryCtx<GenericDataModel>
  | GenericMutationCtx<GenericDataModel>
  | GenericActionCtx<GenericDataModel>;
type Handler = (ctx: AnyCtx) => Promise<unknown>;

/** What a test gives to `t.run` and its like, whichever context it asks for. */
export type InlineFunction = (ctx: never) => Promise<unknown>;

/** Under which path an app has an {@link InlineFunctions.module}. */
export const INLINE_MODULE = "inlineFunctions";

/**
 * Functions that a test writes down where it calls them. An engine runs only what a module exports:
 * this module exports one function of each kind, which runs whichever of the test's it is told to.
 */
export class InlineFunctions {
  readonly #handlers = new Map<number, Handler>();
  readonly #definition = {
    args: { handler: v.number() },
    handler: (ctx: AnyCtx, { handler }: { handler: number }) => this.#handlers.get(handler)!(ctx),
  };

  readonly module: Record<FunctionKind, unknown> = {
    query: queryGeneric(this.#definition),
    mutation: mutationGeneric(this.#definition),
    action: actionGeneric(this.#definition),
  };

  /** What to call so that `inline` runs. */
  call(kind: FunctionKind, inline: InlineFunction): { path: string; args: FunctionArgs } {
    const handler = this.#handlers.size;
    this.#handlers.set(handler, inline as Handler);
    return { path: `${INLINE_MODULE}:${kind}`, args: { handler } };
  }
}
