import * as Y from "yjs";
import type { FieldTree } from "../../shared/field-tree.js";
import type { RowFields } from "../../shared/operations.js";
import { captureUpdate, loadPart, renderRow } from "../../shared/plain-part.js";
import type { WholeEntry } from "../../shared/wire.js";
import { decoding } from "./damaged.js";
import type { BaseRow } from "./rows.js";

/** What the server is known to have of a document's plain fields, as stored. */
export type BaseDocument = {
  /** The newest generation this device knows of. */
  generation: number;
  /** False once that generation has ended; kept so that a re-insert starts the next one. */
  live: boolean;
  /** Yjs updates (V1) that together are the part. */
  updates: Uint8Array[];
  /** The client id for new updates here, when it must differ from the device's (C4, C6). */
  clientId: number | null;
  /**
   * The generation that an insert from here named, when the server put it into this later one: what
   * other tabs stored for the named one belongs here.
   */
  insertedAs?: number;
  /** Which load has brought this, where everything was loaded again; see `reset.ts`. */
  load?: number;
};

export function emptyBase(): BaseDocument {
  return { generation: 0, live: false, updates: [], clientId: null };
}

/** Whether a generation of the document is over, as far as is known here. */
export function hasEnded(base: BaseDocument, generation: number): boolean {
  return base.generation > generation || (base.generation === generation && !base.live);
}

export function endGeneration(base: BaseDocument, generation: number): BaseDocument {
  if (hasEnded(base, generation)) return base;
  return startGeneration(base, { generation, live: false, updates: [] });
}

/** Of what was before, only the client id means anything in another generation. */
function startGeneration({ clientId }: BaseDocument, next: Omit<BaseDocument, "clientId">) {
  return { ...next, clientId };
}

/** Adds bytes of a generation; those of an older or ended one are ignored. */
export function addUpdate(
  base: BaseDocument,
  generation: number,
  update: Uint8Array,
): BaseDocument {
  if (generation > base.generation) {
    return startGeneration(base, { generation, live: true, updates: [update] });
  }
  if (generation < base.generation || !base.live) return base;
  return { ...base, updates: [...base.updates, update] };
}

/** A base after some log entries, and what it shows. */
export type Advanced = { base: BaseDocument; row: RowFields | null };

/** What tabs have in memory of a base. */
export function baseRow({ base, row }: Advanced): BaseRow {
  const { generation, insertedAs } = base;
  return { generation, row, ...(insertedAs !== undefined && { insertedAs }) };
}

/**
 * The same, made from nothing but the base.
 *
 * @throws {ReplicateError} `SERVER_ERROR` where its bytes are not an update: see {@link orDamaged}
 */
export function rowOf(base: BaseDocument, tree: FieldTree): BaseRow {
  const row = base.live ? decoding(() => renderRow(loadPart(base.updates), tree)) : null;
  return baseRow({ base, row });
}

/**
 * Applies log entries of one document, in log order. Where the base knew nothing and the server
 * sent the row along, there is no CRDT work to do (C8).
 *
 * @returns null when the entries hold nothing new, as the echo of one's own changes.
 * @throws {ReplicateError} `SERVER_ERROR` where bytes are not an update: see {@link orDamaged}
 */
export function advance(
  before: BaseDocument,
  entries: readonly WholeEntry[],
  tree: FieldTree,
): Advanced | null {
  let base = before;
  for (const entry of entries) {
    base =
      entry.kind === "tombstone"
        ? endGeneration(base, entry.generation)
        : addUpdate(base, entry.generation, new Uint8Array(entry.bytes));
  }
  if (base === before) return null;
  if (!base.live) return { base, row: null };
  const continues = before.live && before.generation === base.generation;
  const sent: unknown = entries.at(-1)?.row;
  if (!continues && sent !== undefined) {
    const { id: _, ...row } = sent as RowFields;
    return { base, row };
  }
  return decoding(() => merge(continues ? before.updates : [], base, tree));
}

/** Merges the updates of `base` into one and renders them; null when `known` held all of it. */
function merge(known: Uint8Array[], base: BaseDocument, tree: FieldTree): Advanced | null {
  const doc = loadPart(known);
  const added = captureUpdate(doc, () => {
    for (const update of base.updates.slice(known.length)) Y.applyUpdate(doc, update);
  });
  if (added === null && known.length > 0) return null;
  const updates = base.updates.length > 1 ? [Y.encodeStateAsUpdate(doc)] : base.updates;
  return { base: { ...base, updates }, row: renderRow(doc, tree) };
}
