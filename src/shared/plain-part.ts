import * as Y from "yjs";
import type { Value } from "convex/values";
import type { FieldTree } from "./field-tree.js";
import { MAX_UPDATE_WRITES } from "./limits.js";
import {
  complete,
  completeWithin,
  unflatten,
  type FlatRow,
  type Operations,
  type RowFields,
} from "./operations.js";
import type { Path } from "./paths.js";
import { fromCrdtValue, toCrdtValue } from "./values.js";

/** The part, and in it the root map, that holds all plain fields of a document (D1). */
export const FIELDS_PART = "fields";

/**
 * Yjs client id of every edit that the server makes itself: one for all of them, since each new
 * client id stays in a document's state vector for ever (S2). No client may use it.
 */
export const SERVER_CLIENT_ID = 1;

/**
 * A document's part, loaded from updates. The guid is given because making a random one costs more
 * than loading a small part.
 */
export function loadPart(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc({ guid: FIELDS_PART, gc: true });
  Y.transact(doc, () => {
    for (const update of updates) Y.applyUpdate(doc, update);
  });
  return doc;
}

/** Whether everything that was applied could be integrated. */
export function isComplete(doc: Y.Doc): boolean {
  return doc.store.pendingStructs === null && doc.store.pendingDs === null;
}

export function readFlat(doc: Y.Doc): FlatRow {
  const flat: FlatRow = new Map();
  for (const [path, value] of fieldsOf(doc).entries()) {
    if (value !== undefined) flat.set(path, fromCrdtValue(value));
  }
  return flat;
}

/** The paths that have a value: the keys of {@link readFlat}, without its work. */
export function presentPaths(doc: Y.Doc): Set<Path> {
  const present = new Set<Path>();
  for (const [path, value] of fieldsOf(doc).entries()) {
    if (value !== undefined) present.add(path);
  }
  return present;
}

/** The paths whose newest write someone with that state vector does not have. */
export function writtenSince(doc: Y.Doc, stateVector: Uint8Array): Path[] {
  const known = Y.decodeStateVector(stateVector);
  const items = [...fieldsOf(doc)._map];
  return items
    .filter(([, { id }]) => id.clock >= (known.get(id.client) ?? 0))
    .map(([path]) => path);
}

/** The row that a part describes, or null when it holds none. */
export function renderRow(doc: Y.Doc, tree: FieldTree): RowFields | null {
  return unflatten(readFlat(doc), tree);
}

/**
 * Turns operations into one Yjs update (V1) on top of `doc`, and applies it to `doc`. Removal
 * writes `undefined`: a deletion in the CRDT could only delete what its author had seen, so it
 * would lose against any concurrent write, whichever reached the server last (D5).
 *
 * @returns the update's bytes, or null when there is nothing to change.
 */
export function mintUpdate(
  doc: Y.Doc,
  operations: Operations,
  clientId: number,
): Uint8Array<ArrayBuffer> | null {
  return mintExactly(doc, complete(readFlat(doc), operations), clientId);
}

/**
 * As {@link mintUpdate}, for a client: the server takes only so many writes at a time (S3), and removes
 * itself what goes with an object that is removed, or was before it begins again.
 */
export function mintChange(
  doc: Y.Doc,
  operations: Operations,
  clientId: number,
): Uint8Array<ArrayBuffer> | null {
  return mintExactly(doc, completeWithin(MAX_UPDATE_WRITES, readFlat(doc), operations), clientId);
}

/** As {@link mintUpdate}, of operations that are complete already. */
export function mintExactly(
  doc: Y.Doc,
  operations: Operations,
  clientId: number,
): Uint8Array<ArrayBuffer> | null {
  const changes = [...operations].sort(([a], [b]) => (a < b ? -1 : 1));
  return captureUpdate(doc, () => {
    doc.clientID = clientId;
    for (const [path, value] of changes) writeField(doc, path, value);
  });
}

/** Runs `change` in one transaction and returns the update it made, or null when it made none. */
export function captureUpdate(doc: Y.Doc, change: () => void): Uint8Array<ArrayBuffer> | null {
  let captured: Uint8Array | null = null;
  const capture = (update: Uint8Array) => (captured = update);
  doc.on("update", capture);
  try {
    Y.transact(doc, change);
  } finally {
    doc.off("update", capture);
  }
  return captured;
}

function writeField(doc: Y.Doc, path: Path, value: Value | undefined) {
  fieldsOf(doc).set(path, value === undefined ? undefined : toCrdtValue(value));
}

export function fieldsOf(doc: Y.Doc): Y.Map<unknown> {
  return doc.getMap(FIELDS_PART);
}
