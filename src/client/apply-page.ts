import type { FieldTree } from "../shared/field-tree.js";
import type { StreamEntry } from "../shared/wire.js";
import { advance, baseRow, emptyBase } from "./base.js";
import { finishRefetch, refetch } from "./repair.js";
import type { StorageTransaction } from "./storage/storage.js";
import {
  addSegment,
  DAMAGED,
  readBase,
  readRefetched,
  readSync,
  writeBase,
  writeSync,
  type RowChanges,
  type StoredSync,
} from "./stored.js";
import type { BaseRow } from "./view.js";

type Page = { entries: readonly StreamEntry[]; sync: StoredSync; seen: number };

/** Rows that a page changed, and the position that is stored now. */
export type AppliedPage = RowChanges & { sync: StoredSync };

const NO_ROWS: RowChanges = { rows: new Map(), segment: null, missed: [] };

/** Stores log entries and the position after them (C7); inside a transaction of ReplicaStore. */
export async function applyPage(
  tx: StorageTransaction,
  { entries, sync, seen }: Page,
  tree: FieldTree,
  newClientId: () => number,
): Promise<AppliedPage> {
  const current = await readSync(tx);
  if (current.round !== sync.round) return { ...NO_ROWS, sync: current };
  const rows = new Map<string, BaseRow>();
  const refetched = await readRefetched(tx);
  const damaged: string[] = [];
  const applyTo = async (document: string, own: readonly StreamEntry[]) => {
    const base = await readBase(tx, document);
    if (base === DAMAGED) return void damaged.push(document);
    const advanced = advance(base ?? emptyBase(), own, tree);
    if (advanced === null) return;
    await writeBase(tx, document, advanced.base);
    // What comes of it is not complete before the load is, and would flicker.
    if (refetched.has(document)) return;
    rows.set(document, baseRow(advanced));
  };
  await Promise.all([...groupByDocument(entries)].map((group) => applyTo(...group)));
  if (damaged.length > 0) {
    const anew = await refetch(tx, damaged, newClientId);
    return { ...(await addSegment(tx, rows, seen)), sync: anew };
  }
  if (sync.complete && refetched.size > 0) await finishRefetch(tx, refetched, rows, tree);
  // A tab that was frozen brings pages of a load which the one that took its turn has finished since.
  const next = current.complete && !sync.complete ? current : sync;
  await writeSync(tx, next);
  return { ...(await addSegment(tx, rows, seen)), sync: next };
}

function groupByDocument(entries: readonly StreamEntry[]): Map<string, StreamEntry[]> {
  const groups = new Map<string, StreamEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.document);
    if (group) group.push(entry);
    else groups.set(entry.document, [entry]);
  }
  return groups;
}
