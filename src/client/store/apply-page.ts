import type { FieldTree } from "../../shared/field-tree.js";
import { FIELDS_PART } from "../../shared/plain-part.js";
import type { Recovered, StreamEntry, WholeEntry } from "../../shared/wire.js";
import { advance, baseRow, emptyBase, type Advanced } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import { groupBy } from "./group-by.js";
import { markDamaged, readDamaged } from "./repair.js";
import { loadedBy, shadowOf } from "./reset.js";
import type { StorageTransaction } from "../storage/storage.js";
import { readBase, readSyncPoint, writeBase, writeSyncPoint } from "./stored.js";
import { positionAfter, type StoredSyncPoint } from "./sync-point.js";
import { addSegment, type BaseRow, type RowChanges } from "./rows.js";

type Page = {
  entries: readonly StreamEntry[];
  /** Read after the page, so that the page adds nothing to these documents. */
  recovered: readonly Recovered[];
  point: StoredSyncPoint;
};

/** Rows that a page changed, and the position that is stored now. */
export type AppliedPage = RowChanges & {
  point: StoredSyncPoint;
  /** Documents that have to be recovered before this page can be stored; until then nothing of it is. */
  missing: string[];
  /** Documents that it has passed by, because what is here or came is damaged: see {@link markDamaged}. */
  damaged: string[];
};

/**
 * Stores log entries and the position after them (C7); inside a transaction of ReplicaStore. What a
 * page does not carry itself has to be given along with it; what is damaged here holds up nothing else.
 */
export async function applyPage(
  tx: StorageTransaction,
  { entries, recovered, point }: Page,
  lastSegment: number,
  tree: FieldTree,
  newClientId: () => number,
): Promise<AppliedPage> {
  const current = await readSyncPoint(tx);
  const unchanged = { rows: new Map(), segment: null, missed: [], damagedSegments: [] };
  const nothing = { ...unchanged, missing: [], damaged: [] };
  // Late: a load that starts over has begun since, or come to its end.
  const { reset } = current;
  if (current.round !== point.round || reset?.loaded) return { ...nothing, point: current };
  const known = await readDamaged(tx, { rewrite: true });
  const groups = groupBy(entries, ({ document }) => document);
  const given = new Map(recovered.map((one) => [one.document, one]));
  const changed = new Map<string, Advanced>();
  const missing: string[] = [];
  const damaged: string[] = [];
  const applyTo = async (document: string) => {
    const stored = await readBase(tx, document);
    if (stored === DAMAGED || known.has(document)) return void damaged.push(document);
    const news = newsOf(groups.get(document) ?? [], given.get(document));
    if (news === null) return void missing.push(document);
    const base = shadowOf(stored ?? emptyBase(), reset);
    const advanced = orDamaged(() => advance(base, news, tree));
    if (advanced === DAMAGED) return void damaged.push(document);
    if (advanced) changed.set(document, advanced);
  };
  await Promise.all([...new Set([...groups.keys(), ...given.keys()])].map(applyTo));
  if (missing.length > 0) return { ...nothing, point: current, missing };

  await Promise.all(
    [...changed].map(([document, { base }]) => writeBase(tx, document, loadedBy(reset, base))),
  );
  await markDamaged(tx, damaged, newClientId);
  const rows = new Map<string, BaseRow>();
  // What comes of it is not complete before the load is, and would flicker.
  for (const [id, advanced] of reset ? [] : changed) rows.set(id, baseRow(advanced));
  const next = positionAfter(current, point);
  await writeSyncPoint(tx, next);
  return { ...(await addSegment(tx, rows, lastSegment)), point: next, missing, damaged };
}

/** What is new about a document, or null when it has to be recovered first. */
function newsOf(entries: StreamEntry[], recovered: Recovered | undefined): WholeEntry[] | null {
  if (recovered) return [recoveredEntry(recovered, entries)];
  return entries.every(isWhole) ? entries : null;
}

function isWhole(entry: StreamEntry): entry is WholeEntry {
  return entry.kind === "tombstone" || entry.bytes !== null;
}

/** Of a generation that the page still knew, and the log not any more, nothing is left either. */
export function recoveredEntry(
  { document, update, ...part }: Recovered,
  entries: readonly StreamEntry[],
): WholeEntry {
  const place = { document, part: FIELDS_PART };
  if (update) return { ...place, generation: part.generation, kind: "update", bytes: update };
  const generation = Math.max(part.generation, ...entries.map((entry) => entry.generation));
  return { ...place, generation, kind: "tombstone", bytes: null };
}
