import { createCollection } from "@tanstack/db";
import type { ConvexClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { expectTypeOf, it } from "vitest";
import type { Row } from "../shared/fields.js";
import { convexCollectionOptions, type ReplicateUtils } from "./collection.js";
import type { OutboxItem, RejectedChange } from "./outbox-items.js";
import type { StatusStore, SyncStatus } from "./status.js";
import type { taskFields } from "./setup.test.js";
import type { ConvexClientLike, ReplicateApi } from "./platform/transport.js";

type Task = {
  id: string;
  title: string;
  done?: boolean;
  details?: { due?: string; notes?: string };
  big?: bigint;
  data?: ArrayBuffer;
  number?: number;
};

// Only compiled, never run: `vitest typecheck` and `tsc` judge it.
const _make = (convexClient: ConvexClientLike, api: ReplicateApi, fields: typeof taskFields) =>
  createCollection(convexCollectionOptions({ convexClient, api, fields, getKey: (row) => row.id }));
type Tasks = ReturnType<typeof _make>;

it("rows have the types of their fields", () => {
  expectTypeOf<Row<typeof taskFields>>().toEqualTypeOf<Task>();
  expectTypeOf<Parameters<Tasks["insert"]>[0]>().toExtend<Task | Task[]>();
  expectTypeOf<Tasks["get"]>().parameters.toEqualTypeOf<[key: string]>();
  expectTypeOf<NonNullable<ReturnType<Tasks["get"]>>>().toExtend<Task>();
  expectTypeOf<NonNullable<ReturnType<Tasks["get"]>>["details"]>().toEqualTypeOf<Task["details"]>();
});

it("nothing is any", () => {
  expectTypeOf<NonNullable<ReturnType<Tasks["get"]>>>().not.toBeAny();
  expectTypeOf<NonNullable<ReturnType<Tasks["get"]>>["title"]>().not.toBeAny();
  expectTypeOf<Tasks["utils"]>().not.toBeAny();
  expectTypeOf<Tasks["utils"]["acceptMutations"]>().parameter(0).not.toBeAny();
});

it("the utilities are typed with the row", () => {
  expectTypeOf<Tasks["utils"]>().toExtend<ReplicateUtils<Task>>();
  expectTypeOf<Tasks["utils"]["status"]>().toEqualTypeOf<StatusStore>();
  expectTypeOf<ReturnType<StatusStore["get"]>>().toEqualTypeOf<SyncStatus>();
  type Listed = ReturnType<Tasks["utils"]["outbox"]["list"]>[number];
  expectTypeOf<Listed>().toEqualTypeOf<OutboxItem<Task>>();
  expectTypeOf<Extract<Listed, { status: "rejected" }>>().toEqualTypeOf<RejectedChange<Task>>();
  expectTypeOf<OutboxItem<Task>["row"]>().toEqualTypeOf<Task | null>();
  expectTypeOf<Extract<Listed, { status: "pending" }>>().not.toHaveProperty("code");
  expectTypeOf<RejectedChange<Task>["row"]>().toEqualTypeOf<Task | null>();
});

it("both clients of Convex fit", () => {
  expectTypeOf<ConvexClient>().toExtend<ConvexClientLike>();
  expectTypeOf<ConvexReactClient>().toExtend<ConvexClientLike>();
});

it("mistakes are caught", () => {
  type Config = Parameters<typeof convexCollectionOptions<typeof taskFields>>[0];
  expectTypeOf<Config["getKey"]>().toEqualTypeOf<((row: Task) => string) | undefined>();
  expectTypeOf<{ title: number; id: string }>().not.toExtend<Parameters<Tasks["insert"]>[0]>();
  expectTypeOf<Config["onRejected"]>().toEqualTypeOf<
    ((rejected: RejectedChange<Task>) => unknown) | undefined
  >();
});
