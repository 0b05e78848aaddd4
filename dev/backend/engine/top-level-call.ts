import type { UserIdentity } from "convex/server";
import type { Value } from "convex/values";
import { canonicalPath } from "../functions.js";
import type { FunctionCall } from "../runtime.js";
import type { FunctionLocation } from "./function-address.js";

/** A call from outside: of a client, an action or the scheduler. */
export interface TopLevelCall {
  location: FunctionLocation;
  args: Value;
  identity: UserIdentity | null;
}

/** A client's call: always of the app itself. */
export function topLevel({ path, args, identity }: FunctionCall): TopLevelCall {
  return { location: { component: "", path: canonicalPath(path) }, args, identity };
}
