import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import { ConvexError } from "convex/values";
import { ReplicateError } from "../shared/errors.js";
import type { Identity } from "../shared/identity.js";
import { refusalOf, retryAfterOf } from "../shared/refusal.js";
import { bytesOf } from "./batch.js";
import type { Change } from "../shared/wire.js";

/** What a push asks for, before anything of it is decoded. */
export type PushDemand = {
  /** Who is signed in, as a stable, opaque name; null for nobody. */
  identity: Identity;
  /** Bytes of updates. */
  bytes: number;
  documents: number;
};

export type RateLimitHook<DataModel extends GenericDataModel> = (
  ctx: GenericMutationCtx<DataModel>,
  demand: PushDemand,
) => Promise<void> | void;

/**
 * Asks the app whether a push is too much (S8). However it refuses, clients receive `RATE_LIMITED`, which
 * means "later" and never "not this": no change is lost by it.
 *
 * @throws ConvexError `RATE_LIMITED`, with `retryAfterMs` where the app has said when.
 */
export async function checkRate<DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  rateLimit: RateLimitHook<DataModel> | undefined,
  identity: Identity,
  changes: readonly Change[],
): Promise<void> {
  try {
    await rateLimit?.(ctx, { identity, bytes: bytesOf(changes), documents: changes.length });
  } catch (error) {
    const refusal = error instanceof ReplicateError ? error : refusalOf(error);
    if (refusal === null) throw error;
    const ms = retryAfterOf(error);
    throw new ConvexError({
      code: "RATE_LIMITED",
      message: refusal.message,
      ...(ms === null ? {} : { retryAfterMs: ms }),
    });
  }
}
