import type { FieldTree } from "../../shared/field-tree.js";
import type { Recovered } from "../../shared/wire.js";
import { recoveredEntry } from "./apply-page.js";
import { advance, baseRow, emptyBase } from "./base.js";
import { DAMAGED, orDamaged } from "./damaged.js";
import { addSegment, type BaseRow, type RowChanges } from "./rows.js";
import type { StorageTransaction } from "../storage/storage.js";
import { readDamaged, writeDamaged, type DamagedDocuments } from "./repair.js";
import { readBase, readSyncPoint, writeBase } from "./stored.js";

/**
 * Takes over what the server has of damaged documents: all of it, because nothing is here;
 * inside a transaction of ReplicaStore. The position stays as it is.
 *
 * @param asked The damaged documents, each with its client id, when the server was asked. Where a page has
 * passed a document by since, the answer may be older than that page, and is not taken (C7).
 */
export async function healDocuments(
  tx: StorageTransaction,
  recovered: readonly Recovered[],
  asked: DamagedDocuments,
  lastSegment: number,
  tree: FieldTree,
): Promise<RowChanges> {
  const rows = new Map<string, BaseRow>();
  const [damaged, { reset }] = await Promise.all([readDamaged(tx), readSyncPoint(tx)]);
  for (const one of recovered) {
    const { document } = one;
    const given = damaged.get(document);
    const stored = await readBase(tx, document);
    // Where everything is loaded again, the answer may be from before, and wrong by now (S6).
    if (reset || given === undefined || given !== asked.get(document)) continue;
    // Its refused bytes are forgotten, so it keeps the client id that it was given instead (C4).
    const clientId = stored === undefined || stored === DAMAGED ? given : stored.clientId;
    const base = { ...emptyBase(), clientId };
    const advanced = orDamaged(() => advance(base, [recoveredEntry(one, [])], tree));
    if (advanced === DAMAGED) continue;
    const healed = advanced ?? { base, row: null };
    await writeBase(tx, document, healed.base);
    rows.set(document, baseRow(healed));
    damaged.delete(document);
  }
  if (rows.size > 0) await writeDamaged(tx, damaged);
  return addSegment(tx, rows, lastSegment);
}
