/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type * as bytes from "../bytes.js";
import type * as clientIds from "../clientIds.js";
import type * as clock from "../clock.js";
import type * as compaction from "../compaction.js";
import type * as count from "../count.js";
import type * as crons from "../crons.js";
import type * as entries from "../entries.js";
import type * as generations from "../generations.js";
import type * as history from "../history.js";
import type * as importFailures from "../importFailures.js";
import type * as imports from "../imports.js";
import type * as log from "../log.js";
import type * as maintenance from "../maintenance.js";
import type * as page from "../page.js";
import type * as parts from "../parts.js";
import type * as past from "../past.js";
import type * as plan from "../plan.js";
import type * as position from "../position.js";
import type * as pruning from "../pruning.js";
import type * as recover from "../recover.js";
import type * as removal from "../removal.js";
import type * as snapshot from "../snapshot.js";
import type * as statistics from "../statistics.js";
import type * as statisticsDeltas from "../statisticsDeltas.js";
import type * as sweep from "../sweep.js";
import type * as totals from "../totals.js";

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import { anyApi, componentsGeneric } from "convex/server";

const fullApi: ApiFromModules<{
  bytes: typeof bytes;
  clientIds: typeof clientIds;
  clock: typeof clock;
  compaction: typeof compaction;
  count: typeof count;
  crons: typeof crons;
  entries: typeof entries;
  generations: typeof generations;
  history: typeof history;
  importFailures: typeof importFailures;
  imports: typeof imports;
  log: typeof log;
  maintenance: typeof maintenance;
  page: typeof page;
  parts: typeof parts;
  past: typeof past;
  plan: typeof plan;
  position: typeof position;
  pruning: typeof pruning;
  recover: typeof recover;
  removal: typeof removal;
  snapshot: typeof snapshot;
  statistics: typeof statistics;
  statisticsDeltas: typeof statisticsDeltas;
  sweep: typeof sweep;
  totals: typeof totals;
}> = anyApi as any;

/**
 * A utility for referencing Convex functions in your app's public API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
export const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
> = anyApi as any;

/**
 * A utility for referencing Convex functions in your app's internal API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = internal.myModule.myFunction;
 * ```
 */
export const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
> = anyApi as any;

export const components = componentsGeneric() as unknown as {};
