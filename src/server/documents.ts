import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { CommitTsPlaceholder } from "convex/values";
import type { ComponentApi } from "../component/_generated/component.js";
import type { CompiledFields } from "../shared/compiled-fields.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Compaction } from "./compaction-options.js";
import type { Outcome } from "./merge.js";
import type { DocumentState } from "./reconcile.js";
import { fieldsOfRow, findRow, insertRow, updateRow, type StoredRow } from "./rows.js";

/** The only scope while a collection is synced and authorised as one. */
export const WHOLE_COLLECTION = "";

/** A replicated table, and where its log is. */
export type ReplicatedCollection = {
  component: ComponentApi;
  table: string;
  fields: CompiledFields;
  compaction: Compaction;
  /** Whether what the log no longer needs stays as history. */
  history: boolean;
};

/** A mutation's context for tables that are known by name only. */
export type WriteCtx = Pick<
  GenericMutationCtx<GenericDataModel>,
  "db" | "runQuery" | "runMutation"
>;

type FoundDocument = {
  stored: StoredRow | null;
  state: DocumentState;
  /** Whether the document's log is due for compaction. */
  long: boolean;
};

/**
 * What log and table have of documents, in the order asked for, with one call into the component, and
 * one more when generations are to begin.
 *
 * @param endedSince For each document the generation from which on those that ended are of interest.
 */
export async function findDocuments(
  ctx: WriteCtx,
  { component, table, fields, compaction }: ReplicatedCollection,
  documents: string[],
  endedSince?: number[],
): Promise<FoundDocument[]> {
  const [logs, rows] = await Promise.all([
    ctx.runQuery(component.log.read, {
      collection: table,
      part: FIELDS_PART,
      documents,
      ...(endedSince && { endedSince }),
      compaction,
    }),
    Promise.all(documents.map((id) => findRow(ctx.db, table, id))),
  ]);
  // Read without a dependency, so that pruning never makes a push conflict (S1): whatever is forgotten
  // of these documents later changes their logs, too.
  const forgotten = logs.every(({ live }) => live)
    ? 0
    : await ctx.runQuery(
        component.past.newestForgotten,
        { collection: table },
        { useStaleSnapshot: true },
      );
  return documents.map((_, index) => {
    const stored = rows[index] ?? null;
    const { generation, live, updates, whole, ended, long } = logs[index]!;
    const state: DocumentState = {
      generation,
      live,
      updates: updates.map((update) => new Uint8Array(update)),
      whole,
      ended: ended.map((end) => ({
        generation: end.generation,
        stateVector: new Uint8Array(end.stateVector),
      })),
      forgotten,
      stored: stored && fieldsOfRow(stored, fields.names),
    };
    return { stored, state, long };
  });
}

/** What is to become of a document. */
export type Decision = Omit<FoundDocument, "state"> & { document: string; outcome: Outcome };

/** Brings a document's row to what was decided; its log is {@link appendEntries}' part. */
export async function writeRow(
  { db }: WriteCtx,
  { table, fields }: ReplicatedCollection,
  { document, outcome, stored }: Decision,
) {
  if (outcome.kind === "write") {
    if (stored) await updateRow(db, stored, fields.names, outcome.next);
    else await insertRow(db, table, document, outcome.next);
  } else if (outcome.kind === "remove" && stored) {
    await db.delete(table, stored._id);
  }
}

/** Appends the log entries of all decisions, with one call into the component or none. */
export async function appendEntries(
  ctx: WriteCtx,
  { component, table, history }: ReplicatedCollection,
  decided: readonly Decision[],
): Promise<bigint | CommitTsPlaceholder | null> {
  const entries = decided.flatMap(({ document, outcome }) =>
    "entries" in outcome
      ? outcome.entries.map(({ bytes, ...entry }) => ({
          scope: WHOLE_COLLECTION,
          document,
          part: FIELDS_PART,
          ...entry,
          bytes: toArrayBuffer(bytes),
        }))
      : [],
  );
  if (entries.length === 0) return null;
  return ctx.runMutation(component.log.append, {
    collection: table,
    entries,
    ...(history && { keep: true }),
  });
}
