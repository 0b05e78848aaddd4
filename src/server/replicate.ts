import {
  mutationGeneric,
  paginationOptsValidator,
  paginationResultValidator,
  queryGeneric,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type PaginationOptions,
  type PaginationResult,
  type RegisteredMutation,
  type RegisteredQuery,
} from "convex/server";
import { v } from "convex/values";
import type { ComponentApi } from "../component/_generated/component.js";
import type { Fields, Row } from "../shared/fields.js";
import { PROTOCOL_VERSION } from "../shared/versions.js";
import * as wire from "../shared/wire.js";
import { identityOf } from "./caller.js";
import { WHOLE_COLLECTION } from "./documents.js";
import { rowAt, versionsOf, type Version, type VersionsOptions } from "./history.js";
import {
  importMutation,
  importRows,
  importStatus,
  type ImportCtx,
  type ImportFunction,
  type ImportOptions,
  type ImportPool,
  type ImportStatus,
  type ImportStatusCtx,
} from "./import.js";
import { targetFrom, type ReplicateOptions } from "./options.js";
import { applyPush, type ReplicatedCollectionWithHooks } from "./push.js";
import { withRows } from "./page-rows.js";
import { checkRecover } from "./recover.js";
import type { ReplicatedTableNames } from "./replicated-table.js";
import { BY_DOC_ID, fieldsOfRow, onReplicated, type StoredRow } from "./rows.js";
import { statisticsValidator, type Statistics } from "./statistics.js";

/**
 * Makes the Convex functions that replicate one table.
 *
 * @example
 * ```ts
 * const tasks = new Replicate(components.replicate, "tasks", { fields: taskFields });
 * export const { stream, material, recover, insert, update, remove, push, protocol, statistics } =
 *   tasks.functions();
 * ```
 */
export class Replicate<F extends Fields, DataModel extends GenericDataModel = GenericDataModel> {
  readonly #target: ReplicatedCollectionWithHooks<F, DataModel>;

  /**
   * @param component `components.replicate` of the app's generated API.
   * @param table The table in the app's schema, made with `replicatedTable()`.
   * @throws {ReplicateError} `INVALID_FIELDS`, `INVALID_OPTIONS`
   */
  constructor(
    component: ComponentApi,
    table: ReplicatedTableNames<DataModel>,
    options: ReplicateOptions<F, DataModel>,
  ) {
    this.#target = targetFrom(component, table, options);
  }

  /**
   * All functions that an app exports, by name. Clients call `protocol`, `stream`, `recover` and `push`.
   * `insert`, `update` and `remove` are the same as a push of one change. What bulk imports run is not
   * among them: see {@link createImportMutation}.
   */
  functions() {
    return {
      stream: this.createStreamQuery(),
      material: this.createMaterialQuery(),
      recover: this.createRecoverQuery(),
      insert: this.createInsertMutation(),
      update: this.createUpdateMutation(),
      remove: this.createRemoveMutation(),
      push: this.createPushMutation(),
      protocol: this.createProtocolQuery(),
      statistics: this.createStatisticsQuery(),
    };
  }

  /**
   * Returns one page of log entries after `cursor`; null starts from the beginning. If the cursor is no
   * longer valid, only `reset` is set. `rows` adds the current rows, for a first load. `stubs` leaves out
   * the bytes of entries above 32 KiB, for clients that have most of them and fetch the rest by `recover`.
   */
  createStreamQuery(): RegisteredQuery<"public", StreamArgs, Promise<wire.StreamPage>> {
    return queryGeneric({
      args: {
        cursor: v.union(v.string(), v.null()),
        rows: v.optional(v.boolean()),
        stubs: v.optional(v.boolean()),
      },
      returns: wire.streamPageValidator,
      handler: async (ctx, { cursor, rows, stubs }): Promise<wire.StreamPage> => {
        await this.#authorizeRead(ctx);
        const { component, table } = this.#target;
        const page = await ctx.runQuery(component.log.stream, {
          collection: table,
          scope: WHOLE_COLLECTION,
          cursor,
          stubs: stubs ?? false,
        });
        const entries = rows
          ? await withRows(ctx, table, page.entries, (row) => this.#visible(row))
          : page.entries;
        return { ...page, entries, identity: await identityOf(ctx) };
      },
    });
  }

  /** The rows as plain JSON, for server rendering and scripts; pages as Convex's own queries do. */
  createMaterialQuery(): RegisteredQuery<
    "public",
    { paginationOpts: PaginationOptions },
    Promise<PaginationResult<Row<F>>>
  > {
    return queryGeneric({
      args: { paginationOpts: paginationOptsValidator },
      returns: paginationResultValidator(v.any()),
      handler: async (ctx, { paginationOpts }) => {
        await this.#authorizeRead(ctx);
        const { table } = this.#target;
        const page = await onReplicated(table, () =>
          ctx.db.query(table).withIndex(BY_DOC_ID).paginate(paginationOpts),
        );
        return { ...page, page: page.page.map((row) => this.#visible(row as StoredRow)) };
      },
    });
  }

  /** What clients that hold some of a part are missing of it, by Yjs state vectors (C7). */
  createRecoverQuery(): RegisteredQuery<"public", RecoverArgs, Promise<wire.Recovery>> {
    return queryGeneric({
      args: { part: v.string(), documents: v.array(wire.heldValidator) },
      returns: wire.recoveryValidator,
      handler: async (ctx, { part, documents }): Promise<wire.Recovery> => {
        await this.#authorizeRead(ctx);
        checkRecover(documents);
        const { component, table } = this.#target;
        const args = { collection: table, part, documents };
        const recovered = await ctx.runQuery(component.recover.recover, args);
        return { documents: recovered, identity: await identityOf(ctx) };
      },
    });
  }

  /** Inserts one document. */
  createInsertMutation() {
    return this.#changeMutation("insert");
  }

  /** Updates one document; never creates one. */
  createUpdateMutation() {
    return this.#changeMutation("update");
  }

  /** Removes one document, which ends its generation. */
  createRemoveMutation(): RegisteredMutation<"public", RemoveArgs, Promise<wire.Result>> {
    return mutationGeneric({
      args: { sender: wire.senderValidator, document: v.string(), generation: v.number() },
      returns: wire.resultValidator,
      handler: (ctx, { sender, ...args }) =>
        this.#applyOne(ctx, sender, { ...args, op: "remove", parts: [] }),
    });
  }

  /** Applies a batch, one change per document, and answers for each of them. */
  createPushMutation(): RegisteredMutation<"public", PushArgs, Promise<wire.PushResult>> {
    return mutationGeneric({
      args: { sender: wire.senderValidator, changes: v.array(wire.changeValidator) },
      returns: wire.pushResultValidator,
      handler: (ctx, { sender, changes }) =>
        applyPush(ctx as unknown as GenericMutationCtx<DataModel>, this.#target, sender, changes),
    });
  }

  /** What a client compares before it first syncs. */
  createProtocolQuery(): RegisteredQuery<"public", EmptyArgs, Promise<wire.Protocol>> {
    return queryGeneric({
      args: {},
      returns: wire.protocolValidator,
      handler: async (ctx) => ({
        version: PROTOCOL_VERSION,
        fields: this.#target.fields.hash,
        identity: await identityOf(ctx),
      }),
    });
  }

  /** How much there is, for whoever may read it. */
  createStatisticsQuery(): RegisteredQuery<"public", EmptyArgs, Promise<Statistics | null>> {
    return queryGeneric({
      args: {},
      returns: v.union(v.null(), statisticsValidator),
      handler: async (ctx) => {
        await this.#authorizeRead(ctx);
        return this.statistics(ctx);
      },
    });
  }

  /**
   * How much there is; what was committed within the last five minutes may still be missing. Null
   * until the collection was counted for the first time. For functions of your own: asks no hook.
   */
  statistics(ctx: QueryRunner<DataModel>): Promise<Statistics | null> {
    const { component, table } = this.#target;
    const args = { collection: table, scope: WHOLE_COLLECTION };
    return ctx.runQuery(component.statistics.read, args);
  }

  /**
   * The commits that changed a document, newest first: all since {@link ReplicateOptions.history} is on.
   * For functions of your own: asks no hook.
   */
  versions(ctx: QueryRunner<DataModel>, id: string, options?: VersionsOptions): Promise<Version[]> {
    return versionsOf(ctx, this.#target, id, options);
  }

  /**
   * The row as it was right after a commit; null when there was none, and when nobody knows any more: see
   * {@link ReplicateOptions.history}. For functions of your own: asks no hook.
   */
  async rowAt(ctx: QueryRunner<DataModel>, id: string, ts: bigint): Promise<Row<F> | null> {
    const fields = await rowAt(ctx, this.#target, id, ts);
    return fields && ({ id, ...fields } as Row<F>);
  }

  /**
   * Brings rows into the table and to all clients, any number of them, in batches that a workpool runs
   * beside one another. Hooks are not asked: this is the server's own doing. Rows that do not fit the
   * fields are reported and stop no other. Call it again, with the same name, to continue an import that
   * was interrupted, to try again what failed, or with more rows.
   *
   * @param importBatch What {@link createImportMutation} made: `internal.tasks.importBatch`.
   * @returns how many rows were queued, and what is wrong with the others.
   * @throws {ReplicateError} `INVALID_OPTIONS` for an invalid name.
   */
  importDocuments(ctx: ImportCtx, importBatch: ImportFunction, options: ImportOptions<Row<F>>) {
    return importRows(ctx, this.#target, importBatch, options);
  }

  /** How far an import is. */
  importStatus(ctx: ImportStatusCtx, name: string): Promise<ImportStatus> {
    return importStatus(ctx, this.#target, name);
  }

  /**
   * What an import runs; export it from a module of your functions.
   *
   * @param workpool `new Workpool(components.workpool, { maxParallelism })` of `@convex-dev/workpool`.
   */
  createImportMutation(workpool: ImportPool) {
    return importMutation(this.#target, workpool);
  }

  #changeMutation(
    op: "insert" | "update",
  ): RegisteredMutation<"public", ChangeArgs, Promise<wire.Result>> {
    const { document, generation, parts } = wire.changeValidator.fields;
    return mutationGeneric({
      args: { sender: wire.senderValidator, document, generation, parts },
      returns: wire.resultValidator,
      handler: (ctx, { sender, ...args }) => this.#applyOne(ctx, sender, { ...args, op }),
    });
  }

  async #applyOne(
    ctx: GenericMutationCtx<GenericDataModel>,
    sender: wire.Sender,
    change: wire.Change,
  ): Promise<wire.Result> {
    const typed = ctx as unknown as GenericMutationCtx<DataModel>;
    const [only] = await applyPush(typed, this.#target, sender, [change]);
    return only!.result;
  }

  async #authorizeRead(ctx: GenericQueryCtx<GenericDataModel>): Promise<void> {
    const typed = ctx as unknown as GenericQueryCtx<DataModel>;
    await this.#target.hooks.evalRead?.(typed, { scope: WHOLE_COLLECTION });
  }

  #visible(row: StoredRow): Row<F> {
    return { id: row["id"], ...fieldsOfRow(row, this.#target.fields.names) } as Row<F>;
  }
}

type QueryRunner<DataModel extends GenericDataModel> = Pick<GenericQueryCtx<DataModel>, "runQuery">;
type EmptyArgs = Record<string, never>;
type StreamArgs = { cursor: string | null; rows?: boolean; stubs?: boolean };
type RecoverArgs = { part: string; documents: wire.Held[] };
type RemoveArgs = { sender: wire.Sender; document: string; generation: number };
type ChangeArgs = RemoveArgs & Pick<wire.Change, "parts">;
type PushArgs = { sender: wire.Sender; changes: wire.Change[] };
