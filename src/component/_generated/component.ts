/* eslint-disable */
/**
 * Generated `ComponentApi` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type { FunctionReference } from "convex/server";

/**
 * A utility for referencing a Convex component's exposed API.
 *
 * Useful when expecting a parameter like `components.myComponent`.
 * Usage:
 * ```ts
 * async function myFunction(ctx: QueryCtx, component: ComponentApi) {
 *   return ctx.runQuery(component.someFile.someQuery, { ...args });
 * }
 * ```
 */
export type ComponentApi<Name extends string | undefined = string | undefined> =
  {
    clientIds: {
      bind: FunctionReference<
        "mutation",
        "internal",
        {
          clientIds: Array<number>;
          device: string;
          owner: string;
          pageId: string;
        },
        null,
        Name
      >;
      read: FunctionReference<
        "query",
        "internal",
        { clientIds: Array<number>; owner: string },
        {
          bindings: Array<{
            device: string;
            owner: string;
            pageId: string;
          } | null>;
          used: number;
        },
        Name
      >;
    };
    compaction: {
      compact: FunctionReference<
        "mutation",
        "internal",
        {
          collection: string;
          documents: Array<string>;
          part: string;
          thresholds: { bytes: number; entries: number; minAgeMs: number };
        },
        {
          bytes: number;
          documents: number;
          entries: number;
          read: { bytes: number; rows: number };
        },
        Name
      >;
    };
    history: {
      versionAt: FunctionReference<
        "query",
        "internal",
        { collection: string; document: string; part: string; ts: bigint },
        null | Array<ArrayBuffer>,
        Name
      >;
      versions: FunctionReference<
        "query",
        "internal",
        {
          before?: bigint;
          collection: string;
          document: string;
          limit: number;
          part: string;
        },
        Array<{ op: "insert" | "update" | "remove" | "snapshot"; ts: bigint }>,
        Name
      >;
    };
    imports: {
      add: FunctionReference<
        "mutation",
        "internal",
        {
          batches: Array<{
            failures: Array<{
              code: string;
              document: string;
              message: string;
            }>;
            key: string;
            rows: Array<{ document: string; values: string }>;
          }>;
          collection: string;
          existing: "keep" | "replace";
          name: string;
        },
        Array<string>,
        Name
      >;
      halve: FunctionReference<
        "mutation",
        "internal",
        { batch: string; message: string },
        boolean,
        Name
      >;
      marked: FunctionReference<
        "query",
        "internal",
        {
          collection: string;
          marks: Array<{ document: string; hash: string }>;
          name: string;
        },
        Array<boolean>,
        Name
      >;
      next: FunctionReference<
        "query",
        "internal",
        { batch: string },
        {
          existing: "keep" | "replace";
          name: string;
          rows: Array<{ document: string; values: string }>;
        },
        Name
      >;
      record: FunctionReference<
        "mutation",
        "internal",
        {
          batch: string;
          failures: Array<{ code: string; document: string; message: string }>;
          inserted: number;
          kept: number;
          marks: Array<{ document: string; hash: string }>;
          replaced: number;
        },
        boolean,
        Name
      >;
      status: FunctionReference<
        "query",
        "internal",
        { collection: string; name: string },
        {
          failed: number;
          failures: Array<{ code: string; document: string; message: string }>;
          inserted: number;
          kept: number;
          replaced: number;
          waiting: number;
        },
        Name
      >;
    };
    log: {
      append: FunctionReference<
        "mutation",
        "internal",
        {
          collection: string;
          entries: Array<{
            begins: boolean;
            bytes: ArrayBuffer;
            document: string;
            generation: number;
            kind: "update" | "tombstone";
            part: string;
            scope: string;
          }>;
          keep?: boolean;
        },
        bigint | import("convex/values").CommitTsPlaceholder,
        Name
      >;
      read: FunctionReference<
        "query",
        "internal",
        {
          collection: string;
          compaction?: { bytes: number; entries: number; minAgeMs: number };
          documents: Array<string>;
          endedSince?: Array<number>;
          part: string;
        },
        Array<{
          ended: Array<{ generation: number; stateVector: ArrayBuffer }>;
          generation: number;
          live: boolean;
          long: boolean;
          updates: Array<ArrayBuffer>;
          whole: boolean;
        }>,
        Name
      >;
      stream: FunctionReference<
        "query",
        "internal",
        {
          collection: string;
          cursor: string | null;
          maxBytes?: number;
          maxRows?: number;
          scope: string;
          stubs?: boolean;
        },
        {
          cursor: string | null;
          done: boolean;
          entries: Array<{
            bytes: ArrayBuffer | null;
            document: string;
            generation: number;
            kind: "update" | "tombstone";
            part: string;
          }>;
          progress: number;
          reset: "pruned" | "restored" | null;
        },
        Name
      >;
    };
    maintenance: {
      afterRestore: FunctionReference<"mutation", "internal", {}, null, Name>;
      configure: FunctionReference<
        "mutation",
        "internal",
        {
          compaction?: "off" | { everyHours: number };
          pruning?: "off" | { everyHours: number; retentionDays: number };
        },
        null,
        Name
      >;
      run: FunctionReference<
        "mutation",
        "internal",
        { sweep: "compaction" | "pruning" },
        null,
        Name
      >;
      status: FunctionReference<
        "query",
        "internal",
        {},
        {
          compaction: {
            lastRun: null | {
              bytes: number;
              documents: number;
              entries: number;
              failures: number;
              finishedAt: number | null;
              lastFailure: string | null;
              startedAt: number;
            };
            nextRun: number | null;
            settings: "off" | { everyHours: number };
          };
          pruning: {
            lastRun: null | {
              bytes: number;
              documents: number;
              entries: number;
              failures: number;
              finishedAt: number | null;
              lastFailure: string | null;
              startedAt: number;
            };
            nextRun: number | null;
            settings: "off" | { everyHours: number; retentionDays: number };
          };
        },
        Name
      >;
    };
    past: {
      newestForgotten: FunctionReference<
        "query",
        "internal",
        { collection: string },
        number,
        Name
      >;
    };
    recover: {
      recover: FunctionReference<
        "query",
        "internal",
        {
          collection: string;
          documents: Array<{
            document: string;
            generation: number;
            stateVector: ArrayBuffer;
          }>;
          part: string;
        },
        Array<{
          document: string;
          generation: number;
          live: boolean;
          update: ArrayBuffer | null;
        }>,
        Name
      >;
    };
    statistics: {
      fold: FunctionReference<"mutation", "internal", {}, null, Name>;
      lastCount: FunctionReference<
        "query",
        "internal",
        { collection: string },
        null | {
          drifts: Array<{
            bytes: number;
            documents: number;
            entries: number;
            scope: string;
          }>;
          failure: string | null;
          finishedAt: number | null;
          mends: boolean;
          rows: number;
          startedAt: number;
        },
        Name
      >;
      read: FunctionReference<
        "query",
        "internal",
        { collection: string; scope: string },
        null | {
          asOf: number;
          bytes: number;
          documents: number;
          entries: number;
        },
        Name
      >;
      repair: FunctionReference<
        "mutation",
        "internal",
        { collection: string },
        null,
        Name
      >;
      verify: FunctionReference<
        "mutation",
        "internal",
        { collection: string },
        null,
        Name
      >;
    };
  };
