import type { FieldTree } from "../../shared/field-tree.js";
import { FIELDS_PART } from "../../shared/plain-part.js";
import type { Recovered, StreamEntry, WholeEntry } from "../../shared/wire.js";
import { advance, baseRow, emptyBase, type Advanced } from "./base.js";
import { loadedBy, shadowOf } from "./reset.js";
import type { StorageTransaction } from "../storage/storage.js";
import {
  addSegment,
  DAMAGED,
  readBase,
  readRefetched,
  readSync,
  writeBase,
  writeRefetched,
  writeSync,
  type RowChanges,
} from "./stored.js";
import { positionAfter, type StoredSync } from "./sync-point.js";
import type { BaseRow } from "./rows.js";

/** What the server has of a document, as an addition to what is here or, if `isWhole`, all of it. */
export type Recovery = Recovered & { isWhole: boolean };

type Page = {
  entries: readonly StreamEntry[];
  /** Read after the page, so that of these documents it says nothing more. */
  recovered: readonly Recovery[];
  sync: StoredSync;
};

/** Rows that a page changed, and the position that is stored now. */
export type AppliedPage = RowChanges & {
  sync: StoredSync;
  /** Documents that have to be recovered before this page can be stored; until then nothing of it is. */
  missing: string[];
};

/**
 * Stores log entries and the position after them (C7); inside a transaction of ReplicaStore. What a
 * page does not carry itself, or what was damaged here, has to be given along with it.
 */
export async function applyPage(
  tx: StorageTransaction,
  { entries, recovered, sync }: Page,
  seen: number,
  tree: FieldTree,
  newClientId: () => number,
): Promise<AppliedPage> {
  const current = await readSync(tx);
  const nothing = { rows: new Map<string, BaseRow>(), segment: null, missed: [], missing: [] };
  // Late, where a load of everything anew has begun since, or come to its end.
  const { reset } = current;
  if (current.round !== sync.round || reset?.loaded) return { ...nothing, sync: current };
  const refetched = await readRefetched(tx);
  const groups = groupByDocument(entries);
  const given = new Map(recovered.map((one) => [one.document, one]));
  const changed = new Map<string, Advanced>();
  const missing: string[] = [];
  const applyTo = async (document: string) => {
    const stored = await readBase(tx, document);
    const isLost = stored === DAMAGED || refetched.has(document);
    const news = newsOf(groups.get(document) ?? [], given.get(document), isLost);
    if (news === null) return void missing.push(document);
    // Its refused bytes are forgotten, so it must not use the device's own client id again (C4).
    const lost = { ...emptyBase(), clientId: newClientId() };
    const base = stored === DAMAGED ? lost : shadowOf(stored ?? emptyBase(), reset);
    const advanced = advance(base, news, tree) ?? (isLost ? { base, row: null } : null);
    if (advanced) changed.set(document, advanced);
  };
  await Promise.all([...new Set([...groups.keys(), ...given.keys()])].map(applyTo));
  if (missing.length > 0) return { ...nothing, sync: current, missing };

  await Promise.all(
    [...changed].map(([document, { base }]) => writeBase(tx, document, loadedBy(reset, base))),
  );
  const stillLost = [...refetched].filter((document) => !given.has(document));
  if (stillLost.length < refetched.size) await writeRefetched(tx, stillLost);
  const rows = new Map<string, BaseRow>();
  // What comes of it is not complete before the load is, and would flicker.
  for (const [id, advanced] of reset ? [] : changed) rows.set(id, baseRow(advanced));
  const next = positionAfter(current, sync);
  await writeSync(tx, next);
  return { ...(await addSegment(tx, rows, seen)), sync: next, missing };
}

/**
 * What is new about a document, or null when it has to be recovered first.
 *
 * @param isLost Whether what is here cannot be added to.
 */
function newsOf(
  entries: StreamEntry[],
  recovered: Recovery | undefined,
  isLost: boolean,
): WholeEntry[] | null {
  if (recovered && (recovered.isWhole || !isLost)) return [entryOf(recovered, entries)];
  return !isLost && entries.every(isWhole) ? entries : null;
}

function isWhole(entry: StreamEntry): entry is WholeEntry {
  return entry.kind === "tombstone" || entry.bytes !== null;
}

/** Of a life that the page still knew, and the log not any more, nothing is left either. */
function entryOf({ document, update, ...life }: Recovered, entries: StreamEntry[]): WholeEntry {
  const place = { document, part: FIELDS_PART };
  if (update) return { ...place, generation: life.generation, kind: "update", bytes: update };
  const generation = Math.max(life.generation, ...entries.map((entry) => entry.generation));
  return { ...place, generation, kind: "tombstone", bytes: null };
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
