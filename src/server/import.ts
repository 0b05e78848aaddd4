import {
  makeFunctionReference,
  getFunctionName,
  internalMutationGeneric,
  type DefaultFunctionArgs,
  type FunctionReference,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type RegisteredMutation,
} from "convex/server";
import { v, type Infer } from "convex/values";
import { ReplicateError } from "../shared/errors.js";
import { idProblem } from "../shared/ids.js";
import type { ReplicatedCollection, WriteCtx } from "./documents.js";
import { hash } from "./hash.js";
import { importNext } from "./import-batch.js";
import { batchesOf, shortMessage, type RowFailure } from "./import-rows.js";
import type { ExistingRule } from "./import-document.js";

/** Characters of rows that are taken in by one transaction; Convex writes up to 16 MiB in one. */
const MAX_PAGE_CHARACTERS = 2 * 1024 * 1024;
/** Each row is looked up among those that failed before; Convex reads 4,096 index ranges in a transaction (S8). */
const MAX_PAGE_ROWS = 2_000;

export type ImportOptions<Row> = {
  /** Names the import: under one name each row takes effect once, however often it is submitted. */
  name: string;
  rows: readonly Row[];
  /**
   * What becomes of a document that is there, or was once and was removed. `"keep"`, the default, leaves
   * it alone; `"replace"` makes it the row, writing only the fields that differ, and inserts it again.
   */
  existing?: ExistingRule;
};

/** A row that was not imported, and why. Where it has no valid id, `id` is empty, and `message` has its index. */
export type ImportFailure = { id: string; code: string; message: string };

/** How far an import is; it is over when nothing is `waiting`. Rows are counted as handed in. */
export type ImportStatus = {
  waiting: number;
  inserted: number;
  replaced: number;
  /** Documents that were left as they are. */
  kept: number;
  failed: number;
  /** At most 100 of them. */
  failures: ImportFailure[];
};

/** What is used of a `Workpool` of `@convex-dev/workpool`. */
export type ImportPool = {
  enqueueMutation(
    ctx: WriteCtx,
    fn: FunctionReference<"mutation", "internal">,
    args: DefaultFunctionArgs,
    options: {
      onComplete: FunctionReference<"mutation", "internal">;
      context: DefaultFunctionArgs;
      onCompleteExcludeKinds: ("success" | "canceled")[];
    },
  ): Promise<unknown>;
};

const row = v.object({ document: v.string(), values: v.string() });
const failure = v.object({ document: v.string(), code: v.string(), message: v.string() });
const batch = v.object({ key: v.string(), rows: v.array(row), failures: v.array(failure) });
const rule = v.union(v.literal("keep"), v.literal("replace"));

/** Shaped as what workpool tells of a failure, so that one function of the app is enough for all. */
const call = v.object({
  context: v.union(
    v.object({
      self: v.string(),
      name: v.string(),
      existing: rule,
      batches: v.array(batch),
    }),
    v.object({ self: v.string(), batch: v.string() }),
  ),
  workId: v.optional(v.string()),
  result: v.optional(v.object({ kind: v.literal("failed"), error: v.string() })),
});
type ImportCall = Infer<typeof call>;

/** A reference to what {@link createImportMutation} made: `internal.tasks.importBatch`. */
export type ImportFunction = FunctionReference<"mutation", "internal", ImportCall, null>;

export type ImportCtx =
  | Pick<GenericMutationCtx<GenericDataModel>, "runMutation">
  | Pick<GenericActionCtx<GenericDataModel>, "runMutation">;
export type ImportStatusCtx =
  | Pick<GenericQueryCtx<GenericDataModel>, "runQuery">
  | Pick<GenericActionCtx<GenericDataModel>, "runQuery">;

/** Checks rows, and hands those that are valid to the pool, batch by batch. */
export async function importRows<Row>(
  ctx: ImportCtx,
  { fields }: ReplicatedCollection,
  importBatch: ImportFunction,
  { name, rows, existing = "keep" }: ImportOptions<Row>,
): Promise<{ queued: number; failures: ImportFailure[] }> {
  const problem = idProblem(name, "The `name` of an import");
  if (problem) throw new ReplicateError("INVALID_OPTIONS", problem.message);
  const self = getFunctionName(importBatch);
  const batches = batchesOf(fields, rows);
  let page: Infer<typeof batch>[] = [];
  let characters = 0;
  let count = 0;
  const send = () =>
    ctx.runMutation(importBatch, { context: { self, name, existing, batches: page } });
  for (const one of batches) {
    const text = JSON.stringify([existing, one]);
    const size = one.rows.length + one.failures.length;
    const full = characters + text.length > MAX_PAGE_CHARACTERS || count + size > MAX_PAGE_ROWS;
    if (page.length > 0 && full) {
      await send();
      [page, characters, count] = [[], 0, 0];
    }
    page.push({ key: await hash(text), ...one });
    characters += text.length;
    count += size;
  }
  if (page.length > 0) await send();
  const failures = batches.flatMap((one) => one.failures);
  return { queued: rows.length - failures.length, failures: failures.map(publicFailure) };
}

export async function importStatus(
  ctx: ImportStatusCtx,
  { component, table }: ReplicatedCollection,
  name: string,
): Promise<ImportStatus> {
  const status = await ctx.runQuery(component.imports.status, { collection: table, name });
  return { ...status, failures: status.failures.map(publicFailure) };
}

/** The function that the pool calls: takes batches in, imports one, or handles that one failed. */
export function importMutation(
  target: ReplicatedCollection,
  pool: ImportPool,
): RegisteredMutation<"internal", ImportCall, Promise<null>> {
  const { component, table: collection } = target;
  const enqueue = (ctx: WriteCtx, self: string, batch: string) => {
    const fn = makeFunctionReference<"mutation", DefaultFunctionArgs>(self);
    const onComplete = fn as unknown as FunctionReference<"mutation", "internal">;
    const context = { self, batch };
    return pool.enqueueMutation(
      ctx,
      onComplete,
      { context },
      { onComplete, context, onCompleteExcludeKinds: ["success", "canceled"] },
    );
  };
  return internalMutationGeneric({
    args: call.fields,
    returns: v.null(),
    handler: async (ctx, { context, result }) => {
      const { self } = context;
      if ("batches" in context) {
        const { name, existing, batches } = context;
        const added = { collection, name, existing, batches };
        for (const open of await ctx.runMutation(component.imports.add, added)) {
          await enqueue(ctx, self, open);
        }
        return null;
      }
      const { batch } = context;
      const more =
        result === undefined
          ? await importNext(ctx, target, batch)
          : await ctx.runMutation(component.imports.halve, {
              batch,
              message: shortMessage(result.error),
            });
      if (more) await enqueue(ctx, self, batch);
      return null;
    },
  });
}

function publicFailure({ document, code, message }: RowFailure): ImportFailure {
  return { id: code === "INVALID_ID" ? "" : document, code, message };
}
