import type { UserIdentity } from "convex/server";
import type { Value } from "convex/values";
import { canonicalPath } from "../functions.js";
import type { FunctionCall } from "../runtime.js";
import type { CommitNote } from "./commit.js";
import type { FunctionLocation } from "./function-address.js";
import type { Transaction } from "./transaction.js";

/** A call from outside: of a client, an action or the scheduler. */
export interface TopLevelCall {
  location: FunctionLocation;
  args: Value;
  identity: UserIdentity | null;
}

export interface MutationOptions {
  /** Runs first in the transaction; `false` gives the mutation up. */
  prepare?: (transaction: Transaction) => boolean;
  /** Kept with the commit, for when the same request comes again. */
  note?: ((result: Value) => CommitNote) | undefined;
}

export interface Committed {
  value: Value;
  ts: bigint;
}

/** A client's call: always of the app itself. */
export function topLevel({ path, args, identity }: FunctionCall): TopLevelCall {
  return { location: { component: "", path: canonicalPath(path) }, args, identity };
}
