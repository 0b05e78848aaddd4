import { decodeOperations, type FlatRow } from "../shared/operations.js";
import { compactLogs } from "./compaction.js";
import {
  appendEntries,
  findDocuments,
  writeRow,
  type Decision,
  type ReplicatedCollection,
  type WriteCtx,
} from "./documents.js";
import { hash } from "./hash.js";
import { failureOf, type ImportRow, type RowFailure } from "./import-rows.js";
import { findRow } from "./rows.js";
import { importDocument, type ExistingRule } from "./import-document.js";

/** Imports the next rows of a batch, in one transaction. Says whether there are more. */
export async function importNext(
  ctx: WriteCtx,
  target: ReplicatedCollection,
  batch: string,
): Promise<boolean> {
  const { component, table: collection } = target;
  const { name, existing, rows } = await ctx.runQuery(component.imports.next, { batch });
  if (rows.length === 0) return false;
  const marks = existing === "replace" ? await marksOf(rows) : [];
  const settled =
    existing === "replace"
      ? await ctx.runQuery(component.imports.marked, { collection, name, marks })
      : await areThere(ctx, target, rows);
  const todo = rows.filter((_, index) => !settled[index]);
  const { inserted, replaced, failures } = await writeRows(ctx, target, todo, existing);
  const failed = new Set(failures.map(({ document }) => document));
  return ctx.runMutation(component.imports.record, {
    batch,
    inserted,
    replaced,
    kept: rows.length - inserted - replaced - failures.length,
    failures,
    marks: marks.filter(({ document }, index) => !settled[index] && !failed.has(document)),
  });
}

function marksOf(rows: readonly ImportRow[]) {
  return Promise.all(
    rows.map(async ({ document, values }) => ({ document, hash: await hash(values) })),
  );
}

/** Which documents have a row: of those that are kept, the logs, long as they may be, are not read. */
function areThere({ db }: WriteCtx, { table }: ReplicatedCollection, rows: readonly ImportRow[]) {
  return Promise.all(
    rows.map(async ({ document }) => (await findRow(db, table, document)) !== null),
  );
}

async function writeRows(
  ctx: WriteCtx,
  target: ReplicatedCollection,
  rows: readonly ImportRow[],
  existing: ExistingRule,
) {
  const found = await findDocuments(
    ctx,
    target,
    rows.map((row) => row.document),
  );
  const failures: RowFailure[] = [];
  const written: Decision[] = [];
  for (const [index, { document, values }] of rows.entries()) {
    const { state, ...rest } = found[index]!;
    try {
      const row = decodeOperations(values) as FlatRow;
      const outcome = importDocument(target.fields, state, row, existing);
      const decision = { document, outcome, ...rest };
      // Throws where the app's schema asks for more than the fields do.
      await writeRow(ctx, target, decision);
      written.push(decision);
    } catch (error) {
      failures.push(failureOf(document, error));
    }
  }
  await appendEntries(ctx, target, written);
  await compactLogs(ctx, target, written);
  const count = (op: string) =>
    written.filter(({ outcome }) => outcome.kind === "write" && outcome.op === op).length;
  return { inserted: count("insert"), replaced: count("update"), failures };
}
