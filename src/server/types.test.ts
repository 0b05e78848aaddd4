import { v } from "convex/values";
import type { Workpool } from "@convex-dev/workpool";
import type {
  ApiFromModules,
  FilterApi,
  FunctionArgs,
  FunctionReference,
  FunctionReturnType,
  PaginationResult,
} from "convex/server";
import { describe, expectTypeOf, it } from "vitest";
import { defineFields, type Row } from "../shared/fields.js";
import type { Change, PushResult, Result, Sender, StreamPage } from "../shared/wire.js";
import {
  replicatedTable,
  type ImportFunction,
  type ImportPool,
  type Replicate,
  type RowChange,
} from "./index.js";
import type { api, AppModel, TaskHooks } from "./setup.test.js";

const fields = defineFields({
  title: v.string(),
  done: v.optional(v.boolean()),
  details: v.object({ due: v.union(v.string(), v.null()) }),
  votes: v.record(v.string(), v.int64()),
});

type Expected = {
  id: string;
  title: string;
  done?: boolean;
  details: { due: string | null };
  votes: Record<string, bigint>;
};

describe("types", () => {
  it("Row is what the fields say, and an id", () => {
    expectTypeOf<Row<typeof fields>>().toEqualTypeOf<Expected>();
    expectTypeOf<Row<typeof fields>>().not.toBeAny();
  });

  it("a change's operation tells which rows there are", () => {
    type Change = RowChange<typeof fields>;
    expectTypeOf<Extract<Change, { op: "insert" }>["prev"]>().toEqualTypeOf<null>();
    expectTypeOf<Extract<Change, { op: "update" }>["prev"]>().toEqualTypeOf<Expected>();
    expectTypeOf<Extract<Change, { op: "remove" }>["next"]>().toEqualTypeOf<null>();
    expectTypeOf<Change["op"]>().toEqualTypeOf<"insert" | "update" | "remove">();
  });

  it("hooks know the app's tables; eval-hooks cannot write", () => {
    type EvalCtx = Parameters<NonNullable<TaskHooks["evalWrite"]>>[0];
    type OnCtx = Parameters<NonNullable<TaskHooks["onInsert"]>>[0];
    expectTypeOf<EvalCtx>().not.toBeAny();
    expectTypeOf<EvalCtx["db"]>().not.toHaveProperty("insert");
    expectTypeOf<EvalCtx>().not.toHaveProperty("runMutation");
    expectTypeOf<OnCtx["db"]>().toHaveProperty("insert");
    type Tables = Parameters<OnCtx["db"]["query"]>[0];
    expectTypeOf<Tables>().toEqualTypeOf<"tasks" | "audit">();
  });

  it("only tables of the app that are replicated can be named", () => {
    type Table = ConstructorParameters<typeof Replicate<typeof fields, AppModel>>[1];
    expectTypeOf<Table>().toEqualTypeOf<"tasks">();
    type AnyTable = ConstructorParameters<typeof Replicate<typeof fields>>[1];
    expectTypeOf<AnyTable>().toEqualTypeOf<string>();
  });

  it("the functions are typed from end to end", () => {
    type Tasks = (typeof api)["tasks"];
    expectTypeOf<FunctionReturnType<Tasks["stream"]>>().toEqualTypeOf<StreamPage>();
    expectTypeOf<FunctionReturnType<Tasks["push"]>>().toEqualTypeOf<PushResult>();
    expectTypeOf<FunctionArgs<Tasks["push"]>>().toEqualTypeOf<{
      sender: Sender;
      changes: Change[];
    }>();
    expectTypeOf<FunctionReturnType<Tasks["insert"]>>().toEqualTypeOf<Result>();
    expectTypeOf<FunctionArgs<Tasks["remove"]>>().toEqualTypeOf<{
      sender: Sender;
      document: string;
      generation: number;
    }>();
    type Page = FunctionReturnType<Tasks["material"]>;
    expectTypeOf<Page>().toExtend<PaginationResult<{ id: string; title: string }>>();
    expectTypeOf<Page["page"][number]["title"]>().toEqualTypeOf<string>();
    expectTypeOf<Page["page"][number]>().not.toHaveProperty("secret");
  });

  it("the app's table has the fields, the columns and the indexes", () => {
    type Document = AppModel["tasks"]["document"];
    expectTypeOf<Document["title"]>().toEqualTypeOf<string>();
    expectTypeOf<Document["secret"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Document["version"]>().toEqualTypeOf<number>();
    expectTypeOf<Document["timestamp"]>().toEqualTypeOf<number>();
    expectTypeOf<AppModel["tasks"]["indexes"]["by_doc_id"]>().toEqualTypeOf<
      ["id", "_creationTime"]
    >();
    // Own indexes take the fields' names, and only those.
    replicatedTable(fields, (table) => table.index("by_done", ["done"]));
    // @ts-expect-error there is no such field
    replicatedTable(fields, (table) => table.index("by_other", ["other"]));
  });

  it("an import takes a Workpool, and the reference that the generated API has", () => {
    type Modules = {
      tasks: { importBatch: ReturnType<Replicate<typeof fields>["createImportMutation"]> };
    };
    type Internal = FilterApi<ApiFromModules<Modules>, FunctionReference<"mutation", "internal">>;
    expectTypeOf<Internal["tasks"]["importBatch"]>().toExtend<ImportFunction>();
    expectTypeOf<Internal["tasks"]["importBatch"]>().not.toBeAny();
    expectTypeOf<Workpool>().toExtend<ImportPool>();
  });
});
