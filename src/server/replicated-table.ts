import {
  defineTable,
  type GenericDataModel,
  type TableDefinition,
  type TableNamesInDataModel,
} from "convex/server";
import { v, type ObjectType, type VFloat64, type VObject, type VString } from "convex/values";
import { defineFields, type Fields } from "../shared/fields.js";

type SystemColumns = { id: VString; version: VFloat64; timestamp: VFloat64 };
type Columns<F extends Fields> = F & SystemColumns;

/** The table that {@link replicatedTable} defines. */
export type ReplicatedTable<F extends Fields> = TableDefinition<
  VObject<ObjectType<Columns<F>>, Columns<F>>,
  {
    by_doc_id: ["id", "_creationTime"];
    by_timestamp: ["timestamp", "_creationTime"];
  }
>;

/** Tables of an app that were made with {@link replicatedTable}; any name where its tables are not known. */
export type ReplicatedTableNames<DataModel extends GenericDataModel> =
  string extends TableNamesInDataModel<DataModel>
    ? string
    : {
        [
          Name in TableNamesInDataModel<DataModel>
        ]: "by_doc_id" extends keyof DataModel[Name]["indexes"] ? Name : never;
      }[TableNamesInDataModel<DataModel>];

/**
 * Defines the app's table for replicated documents: an ordinary Convex table, which your own
 * queries read as any other. It adds
 * - `id`: the document's id, chosen by the client that made it; index `by_doc_id`
 * - `version`: how many changes were accepted since the document was inserted, from 1
 * - `timestamp`: when the last one was, in ms since the epoch; index `by_timestamp`
 *
 * Columns that the shared fields do not have are private: clients can neither read nor write them.
 *
 * @param builder Adds your own indexes.
 * @example
 * ```ts
 * export default defineSchema({
 *   tasks: replicatedTable(taskFields, (table) => table.index("by_done", ["done"])),
 * });
 * ```
 */
export function replicatedTable<F extends Fields>(fields: F): ReplicatedTable<F>;
export function replicatedTable<F extends Fields, T>(
  fields: F,
  builder: (table: ReplicatedTable<F>) => T,
): T;
export function replicatedTable<F extends Fields, T>(
  fields: F,
  builder?: (table: ReplicatedTable<F>) => T,
): ReplicatedTable<F> | T {
  // Typed by the columns we index: TypeScript cannot check index paths against an open F.
  const columns: SystemColumns = {
    ...defineFields(fields),
    id: v.string(),
    version: v.number(),
    timestamp: v.number(),
  };
  const table = defineTable(columns)
    .index("by_doc_id", ["id"])
    .index("by_timestamp", ["timestamp"]) as unknown as ReplicatedTable<F>;
  return builder ? builder(table) : table;
}
