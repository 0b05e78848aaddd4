import type { FieldTree } from "../../shared/field-tree.js";
import type { PushResult, Result } from "../../shared/wire.js";
import { baseRow, emptyBase, rowOf } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import type { Device } from "./device.js";
import type { NumberedRecord } from "./mint.js";
import type { Outgoing } from "./outgoing.js";
import { fromStored, type OutboxRecord } from "./records.js";
import { markDamaged, readDamaged, type DamagedDocuments } from "./repair.js";
import { isAnswerOf, settleGroup } from "./settle.js";
import type { StorageTransaction } from "../storage/storage.js";
import {
  deleteRecords,
  putRecords,
  readBase,
  readRecords,
  readSyncPoint,
  writeBase,
} from "./stored.js";
import { addSegment, type BaseRow, type RowChanges } from "./rows.js";

/** The server's answer to something that was sent; `seqs` are all records of the document. */
export type ServerAnswer = { outgoing: Outgoing; result: Result; seqs: number[] };

/** @param pending The places of all sendable records, by document. */
export function answersTo(
  outgoing: readonly Outgoing[],
  results: PushResult,
  pending: ReadonlyMap<string, number[]>,
): ServerAnswer[] {
  const byDocument = new Map(results.map(({ document, result }) => [document, result]));
  return outgoing.flatMap((one) => {
    const { document } = one.change;
    const result = byDocument.get(document);
    return result ? [{ outgoing: one, result, seqs: pending.get(document) ?? one.seqs }] : [];
  });
}

/** What answers changed: base rows, records that are done with, and records that stay, changed. */
export type SettledChanges = RowChanges & {
  done: OutboxRecord[];
  changed: OutboxRecord[];
  /** Documents that have to be recovered first: the same bytes get the same answer later. */
  damaged: string[];
};

type Context = { tx: StorageTransaction; device: Device; tree: FieldTree };

/** Applies the server's answers, all at once; inside a transaction of ReplicaStore. */
export async function settleAnswers(
  context: Context,
  answers: readonly ServerAnswer[],
  lastSegment: number,
): Promise<SettledChanges> {
  const { tx, device } = context;
  // While everything is loaded again there is nothing to add to. The same bytes get the same answer later.
  if ((await readSyncPoint(tx)).reset) answers = [];
  const known = await readDamaged(tx);
  const settled = await Promise.all(answers.map((answer) => settleAnswer(context, answer, known)));
  const damaged = answers
    .filter((_, index) => settled[index] === DAMAGED)
    .map(({ outgoing }) => outgoing.change.document);
  const effects = settled.filter((one) => one !== DAMAGED && one !== null);
  const done = effects.flatMap((one) => one.done);
  const changed = effects.flatMap((one) => one.changed);
  if (effects.some(({ isCopied }) => isCopied)) await device.renew(tx);
  await deleteRecords(tx, done);
  await putRecords(tx, changed);
  await markDamaged(tx, damaged, () => device.newClientId());
  const rows = new Map(effects.flatMap(({ row }) => (row ? [row] : [])));
  const added = await addSegment(tx, rows, lastSegment);
  return { ...added, damaged, done: done.map(recordOf), changed: changed.map(recordOf) };
}

type Effect = {
  done: NumberedRecord[];
  changed: NumberedRecord[];
  row: [document: string, BaseRow] | null;
  /** Whether the device's own client id turned out to be someone else's. */
  isCopied: boolean;
};

/** @returns null when the answer is outdated; `DAMAGED` when it will come once more. */
async function settleAnswer(
  { tx, device, tree }: Context,
  { outgoing, result, seqs }: ServerAnswer,
  known: DamagedDocuments,
): Promise<Effect | null | typeof DAMAGED> {
  const { change, sender } = outgoing;
  const [all, stored] = await Promise.all([readRecords(tx, seqs), readBase(tx, change.document)]);
  const group = all.filter(({ seq }) => outgoing.seqs.includes(seq));
  // Another tab may have settled the same answer already.
  if (group.length === 0 || !isAnswerOf(group, change, result)) return null;
  if (stored === DAMAGED || known.has(change.document)) return DAMAGED;
  const base = stored ?? emptyBase();
  const freshId = device.newClientId();
  const answer = { all, group, change, result };
  const settled = orDamaged(() => settleGroup(base, answer, tree, freshId));
  if (settled === DAMAGED) return DAMAGED;
  const { done, changed, advanced, clientId, insertedAs } = settled;
  const isTaken = clientId === "taken";
  // It was sent by an earlier page, and this page sends under another id.
  if (isTaken && !(await device.isCurrent(tx, sender))) return null;
  let next = advanced?.base ?? base;
  const hasOwnId = base.clientId !== null;
  if (clientId === "fresh" || (isTaken && hasOwnId)) next = { ...next, clientId: freshId };
  if (insertedAs !== undefined) next = { ...next, insertedAs };
  if (next !== base) await writeBase(tx, change.document, next);
  const isShown = advanced !== null || insertedAs !== undefined;
  const row = orDamaged(
    () => isShown && (advanced ? baseRow({ ...advanced, base: next }) : rowOf(next, tree)),
  );
  if (row === DAMAGED) return DAMAGED;
  return {
    done,
    changed,
    row: row ? [change.document, row] : null,
    isCopied: isTaken && !hasOwnId,
  };
}

function recordOf({ seq, record }: NumberedRecord): OutboxRecord {
  return fromStored(seq, record);
}
