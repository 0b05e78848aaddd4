import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { CommitTsPlaceholder } from "convex/values";
import type { ComponentApi } from "../component/_generated/component.js";
import type { CompiledFields } from "../shared/compiled-fields.js";
import type { Fields, Row } from "../shared/fields.js";
import type { RowFields } from "../shared/operations.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import { refusalOf } from "../shared/refusal.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Change, PushResult, Result, Sender } from "../shared/wire.js";
import { checkBatch, checkClientIds } from "./batch.js";
import { callerOf, type Caller } from "./caller.js";
import { standingsFor, type Standings } from "./client-ids.js";
import { compactLogs, type Compaction } from "./compaction.js";
import { readOnly, type Hooks, type RowChange } from "./hooks.js";
import { authorsOf, incoming, type Incoming } from "./incoming.js";
import { mergeChange, type Outcome } from "./merge.js";
import { fieldsOfRow, findRow, insertRow, updateRow, type StoredRow } from "./rows.js";

/** The only scope while a collection is synced and authorised as one. */
export const WHOLE_COLLECTION = "";

export type Target<F extends Fields, DataModel extends GenericDataModel> = {
  component: ComponentApi;
  table: string;
  fields: CompiledFields;
  hooks: Hooks<F, DataModel>;
  compaction: Compaction;
};

type Decided = {
  change: Change;
  stored: StoredRow | null;
  /** Whether the document's log is due for compaction. */
  long: boolean;
  outcome: Outcome;
};

/**
 * Applies a batch of changes, one per document, in one transaction: decide all, ask all `eval…`
 * hooks, then write (S2, S4). However many documents, it makes three calls into the component, one
 * more when a page first sends something, and one more when a log has become long.
 */
export async function applyPush<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  target: Target<F, DataModel>,
  sender: Sender,
  changes: Change[],
): Promise<PushResult> {
  checkBatch(changes);
  const caller = await callerOf(ctx, sender);
  const arrived = changes.map(incoming);
  const clientIds = authorsOf(arrived);
  checkClientIds(clientIds);
  const standings = await standingsOf(ctx, target, caller, clientIds);
  const decided = await decide(ctx, target, arrived, standings);
  await refuseForbidden(ctx, target, decided);
  for (const one of decided) await write(ctx, target, one);
  await bindClientIds(ctx, target, caller, standings, decided);
  const ts = await appendEntries(ctx, target, decided);
  const long = decided.filter((one) => one.long && one.outcome.kind === "write");
  await compactLogs(
    ctx as unknown as GenericMutationCtx<GenericDataModel>,
    target,
    long.map((one) => one.change.document),
  );
  // After all writes: what a hook writes to another of these rows must not be overwritten, and a
  // push that it makes must build on this one.
  for (const one of decided) await notify(ctx, target, one);
  return decided.map(({ change, outcome }) => ({
    document: change.document,
    result: resultOf(outcome, ts),
  }));
}

async function standingsOf<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { component }: Target<F, DataModel>,
  caller: Caller,
  clientIds: number[],
): Promise<Standings> {
  if (clientIds.length === 0) return new Map();
  const { owner } = caller;
  const { bindings, used } = await ctx.runQuery(component.clients.read, { clientIds, owner });
  return standingsFor(clientIds, bindings, used, caller);
}

async function decide<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { component, table, fields, compaction }: Target<F, DataModel>,
  arrived: Incoming[],
  standings: Standings,
): Promise<Decided[]> {
  const documents = arrived.map(({ change }) => change.document);
  const { db } = ctx as unknown as GenericMutationCtx<GenericDataModel>;
  const [logs, rows] = await Promise.all([
    ctx.runQuery(component.log.read, {
      collection: table,
      part: FIELDS_PART,
      documents,
      compaction,
    }),
    Promise.all(documents.map((id) => findRow(db, table, id))),
  ]);
  return arrived.map((one, index) => {
    const stored = rows[index] ?? null;
    const { generation, live, updates, ended, long } = logs[index]!;
    const outcome = mergeChange(
      fields,
      {
        generation,
        live,
        updates: updates.map((update) => new Uint8Array(update)),
        ended: ended.map((end) => ({
          generation: end.generation,
          stateVector: new Uint8Array(end.stateVector),
        })),
        stored: stored && fieldsOfRow(stored, fields.names),
      },
      one,
      standings,
    );
    return { change: one.change, stored, long, outcome };
  });
}

async function refuseForbidden<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { hooks }: Target<F, DataModel>,
  decided: Decided[],
) {
  const reading = readOnly(ctx);
  const unreadable = await refusal(() => hooks.evalRead?.(reading, { scope: WHOLE_COLLECTION }));
  for (const one of decided) {
    const change = rowChangeOf<F>(one);
    // Who may not read learns nothing, not even that a document is gone or has nothing new (S7).
    const refused =
      unreadable ?? (change && (await refusal(() => hooks.evalWrite?.(reading, change))));
    if (refused) one.outcome = { kind: "rejected", ...refused };
  }
}

async function refusal(ask: () => Promise<void> | void) {
  try {
    await ask();
    return null;
  } catch (error) {
    const refused = refusalOf(error);
    if (refused === null) throw error;
    return refused;
  }
}

/** The change as hooks see it; null when nothing would be written. */
function rowChangeOf<F extends Fields>({ change, outcome }: Decided): RowChange<F> | null {
  const id = change.document;
  const row = (fields: RowFields) => ({ id, ...fields }) as Row<F>;
  if (outcome.kind === "remove") return { op: "remove", id, prev: row(outcome.prev), next: null };
  if (outcome.kind !== "write") return null;
  const next = row(outcome.next);
  return outcome.prev === null
    ? { op: "insert", id, prev: null, next }
    : { op: "update", id, prev: row(outcome.prev), next };
}

async function write<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { table, fields }: Target<F, DataModel>,
  { change, outcome, stored }: Decided,
) {
  const { db } = ctx as unknown as GenericMutationCtx<GenericDataModel>;
  if (outcome.kind === "write") {
    if (stored) await updateRow(db, stored, fields.names, outcome.next);
    else await insertRow(db, table, change.document, outcome.next);
  } else if (outcome.kind === "remove" && stored) {
    await db.delete(table, stored._id);
  }
}

async function notify<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { hooks }: Target<F, DataModel>,
  one: Decided,
) {
  const change = rowChangeOf<F>(one);
  if (change === null) return;
  if (change.op === "insert") await hooks.onInsert?.(ctx, change);
  else if (change.op === "update") await hooks.onUpdate?.(ctx, change);
  else await hooks.onRemove?.(ctx, change);
}

/** Binds the client ids that are the caller's from now on: those of what is written, and no others. */
async function bindClientIds<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { component }: Target<F, DataModel>,
  { owner, device, lines }: Caller,
  standings: Standings,
  decided: Decided[],
) {
  const authors = decided.flatMap(({ outcome }) =>
    outcome.kind === "write" ? [...outcome.authors] : [],
  );
  const clientIds = [...new Set(authors)].filter((id) => standings.get(id) === "claimable");
  if (clientIds.length === 0) return;
  await ctx.runMutation(component.clients.bind, { clientIds, owner, device, line: lines[0]! });
}

async function appendEntries<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { component, table }: Target<F, DataModel>,
  decided: Decided[],
): Promise<bigint | CommitTsPlaceholder | null> {
  const entries = decided.flatMap(({ change, outcome }) =>
    "entries" in outcome
      ? outcome.entries.map(({ bytes, ...entry }) => ({
          scope: WHOLE_COLLECTION,
          document: change.document,
          part: FIELDS_PART,
          ...entry,
          bytes: toArrayBuffer(bytes),
        }))
      : [],
  );
  if (entries.length === 0) return null;
  return ctx.runMutation(component.log.append, { collection: table, entries });
}

function resultOf(outcome: Outcome, ts: bigint | CommitTsPlaceholder | null): Result {
  switch (outcome.kind) {
    case "rejected": {
      const { code, message, stateVector } = outcome;
      const needs = stateVector ? { stateVector: toArrayBuffer(stateVector) } : {};
      return { status: "rejected", code, message, ...needs };
    }
    case "removed":
      return { status: "removed", generation: outcome.generation };
    case "unchanged":
      return { status: "accepted", generation: outcome.generation, ts: null };
    default:
      return { status: "accepted", generation: outcome.generation, ts: ts as CommitTsPlaceholder };
  }
}
