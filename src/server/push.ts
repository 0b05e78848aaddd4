import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { CommitTsPlaceholder } from "convex/values";
import type { Fields, Row } from "../shared/fields.js";
import type { RowFields } from "../shared/operations.js";
import { refusalOf } from "../shared/refusal.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Change, PushResult, Result, Sender } from "../shared/wire.js";
import { checkBatch } from "./batch.js";
import { callerOf, type Caller } from "./caller.js";
import { standingsFor, type Standings } from "./client-ids.js";
import { compactLogs } from "./compaction.js";
import {
  appendEntries,
  findDocuments,
  WHOLE_COLLECTION,
  writeRow,
  type Decision,
  type ReplicatedCollection,
  type WriteCtx,
} from "./documents.js";
import { readOnly, type Hooks, type RowChange } from "./hooks.js";
import { clientIdsOfAll, incoming, type Incoming } from "./incoming.js";
import { mergeChange, type Outcome } from "./merge.js";
import { checkRate } from "./rate-limit.js";

export type ReplicatedCollectionWithHooks<
  F extends Fields,
  DataModel extends GenericDataModel,
> = ReplicatedCollection & {
  hooks: Hooks<F, DataModel>;
};

/**
 * Applies a batch of changes, one per document, in one transaction: decide all, ask all `eval…`
 * hooks, then write (S2, S4). However many documents, it makes two to six calls into the component: reading
 * and appending to the logs, and where needed asking for client ids, binding new ones, asking what was
 * forgotten when something is to begin, and compacting.
 */
export async function applyPush<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  target: ReplicatedCollectionWithHooks<F, DataModel>,
  sender: Sender,
  changes: Change[],
): Promise<PushResult> {
  checkBatch(changes);
  const caller = await callerOf(ctx, sender);
  await checkRate(ctx, target.hooks.rateLimit, sender.identity, changes);
  // Before anything of it is decoded, or read: who may not read learns nothing, neither that a document
  // is gone nor how long it takes to look, and costs nothing (S7).
  const unreadable = await readRefusal(ctx, target);
  if (unreadable) return changes.map(({ document }) => ({ document, result: unreadable }));
  const arrived = changes.map(incoming);
  const standings = await standingsOf(ctx, target, caller, clientIdsOfAll(arrived));
  const untyped = ctx as unknown as WriteCtx;
  const decided = await decide(untyped, target, arrived, standings);
  await refuseForbidden(ctx, target, decided);
  for (const one of decided) await writeRow(untyped, target, one);
  await bindClientIds(ctx, target, caller, standings, decided);
  const ts = await appendEntries(untyped, target, decided);
  await compactLogs(untyped, target, decided);
  // After all writes: what a hook writes to another of these rows must not be overwritten, and a
  // push that it makes must build on this one.
  for (const one of decided) await notify(ctx, target, one);
  return decided.map(({ document, outcome }) => ({ document, result: resultOf(outcome, ts) }));
}

/** The answer to every document of someone who may not read; null for everybody else. */
async function readRefusal<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { hooks }: ReplicatedCollectionWithHooks<F, DataModel>,
): Promise<Result | null> {
  const reading = readOnly(ctx);
  const refused = await refusal(() => hooks.evalRead?.(reading, { scope: WHOLE_COLLECTION }));
  return refused && { status: "rejected", ...refused };
}

async function standingsOf<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { component }: ReplicatedCollectionWithHooks<F, DataModel>,
  caller: Caller,
  clientIds: number[],
): Promise<Standings> {
  if (clientIds.length === 0) return new Map();
  const { owner } = caller;
  const { bindings, used } = await ctx.runQuery(component.clientIds.read, { clientIds, owner });
  return standingsFor(clientIds, bindings, used, caller);
}

async function decide(
  ctx: WriteCtx,
  target: ReplicatedCollection,
  arrived: Incoming[],
  standings: Standings,
): Promise<Decision[]> {
  const documents = arrived.map(({ change }) => change.document);
  const found = await findDocuments(ctx, target, documents, arrived.map(endedSince));
  return arrived.map((one, index) => {
    const { stored, state, long } = found[index]!;
    const outcome = mergeChange(target.fields, state, one, standings);
    return { document: one.change.document, stored, long, outcome };
  });
}

/** Only an insert may be one that an ended generation already knows; see `deadGeneration`. */
function endedSince({ change }: Incoming): number {
  return change.op === "insert" ? change.generation : Infinity;
}

async function refuseForbidden<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { hooks }: ReplicatedCollectionWithHooks<F, DataModel>,
  decided: Decision[],
) {
  const reading = readOnly(ctx);
  for (const one of decided) {
    const change = rowChangeOf<F>(one);
    const refused = change && (await refusal(() => hooks.evalWrite?.(reading, change)));
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
function rowChangeOf<F extends Fields>({ document: id, outcome }: Decision): RowChange<F> | null {
  const row = (fields: RowFields) => ({ id, ...fields }) as Row<F>;
  if (outcome.kind === "remove") return { op: "remove", id, prev: row(outcome.prev), next: null };
  if (outcome.kind !== "write") return null;
  const next = row(outcome.next);
  return outcome.prev === null
    ? { op: "insert", id, prev: null, next }
    : { op: "update", id, prev: row(outcome.prev), next };
}

async function notify<F extends Fields, DataModel extends GenericDataModel>(
  ctx: GenericMutationCtx<DataModel>,
  { hooks }: ReplicatedCollectionWithHooks<F, DataModel>,
  one: Decision,
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
  { component }: ReplicatedCollectionWithHooks<F, DataModel>,
  { owner, device, pageIds }: Caller,
  standings: Standings,
  decided: Decision[],
) {
  const authors = decided.flatMap(({ outcome }) =>
    outcome.kind === "write" ? [...outcome.authors] : [],
  );
  const clientIds = [...new Set(authors)].filter((id) => standings.get(id) === "claimable");
  if (clientIds.length === 0) return;
  await ctx.runMutation(component.clientIds.bind, {
    clientIds,
    owner,
    device,
    pageId: pageIds[0]!,
  });
}

function resultOf(outcome: Outcome, ts: bigint | CommitTsPlaceholder | null): Result {
  switch (outcome.kind) {
    case "rejected": {
      const { code, message, stateVector } = outcome;
      const needs = stateVector ? { stateVector: toArrayBuffer(stateVector) } : {};
      return { status: "rejected", code, message, ...needs };
    }
    case "ended":
      return { status: "removed", generation: outcome.generation };
    case "unchanged":
      return { status: "accepted", generation: outcome.generation, ts: null };
    default:
      return { status: "accepted", generation: outcome.generation, ts: ts as CommitTsPlaceholder };
  }
}
