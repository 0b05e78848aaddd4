import * as Y from "yjs";
import { DAMAGED } from "../../../src/client/store/damaged.js";
import { decodeBase } from "../../../src/client/store/stored.js";
import type { RowFields } from "../../../src/shared/operations.js";
import { isComplete, loadPart, readFlat } from "../../../src/shared/plain-part.js";
import { EMPTY_STATE_VECTOR } from "../../../src/shared/state-vector.js";
import { sameValue, toArrayBuffer } from "../../../src/shared/values.js";
import type { Device } from "../world/device.js";
import type { SimServer, Truth } from "../world/server.js";
import type { Tab } from "../world/tab.js";

/** What a page shows that the table does not have, or the other way round. */
export function rowsProblem({ name, rows }: Tab, truth: Truth): string | null {
  const table = new Map(truth.rows.map(({ id, ...row }) => [id, row as RowFields]));
  for (const id of new Set([...table.keys(), ...rows.keys()])) {
    if (sameValue(rows.get(id), table.get(id))) continue;
    return `${name}: ${id} is ${show(rows.get(id))}, the table has ${show(table.get(id))}`;
  }
  return null;
}

/** A status that does not say what is: everything is here, sent, stored, and nothing is wrong. */
export function statusProblem({ name, engine }: Tab): string | null {
  const { phase, reason, complete, pending, rejected } = engine.status.get();
  const waiting = engine.records().filter((record) => record.rejected !== null).length;
  const isTrue = phase === "live" && complete && reason === null && pending === 0;
  if (isTrue && rejected === waiting) return null;
  return `${name}: the status is ${show(engine.status.get())}, with ${waiting} rejected`;
}

/** A disk that works, and is said not to. */
export function storageProblem({ name, engine }: Tab): string | null {
  const { error } = engine.status.get().storage;
  return error && `${name}: the disk works, and the status says: ${error.message}`;
}

/** The state of each live document in the log. */
export async function logState(server: SimServer, documents: readonly string[]) {
  const logs = new Map<string, Y.Doc>();
  const stateVector = toArrayBuffer(EMPTY_STATE_VECTOR);
  for (const document of documents) {
    const recovery = await server.recover([{ document, generation: 0, stateVector }]);
    const { update } = recovery.documents[0]!;
    if (update) logs.set(document, loadPart([new Uint8Array(update)]));
  }
  return logs;
}

/** What a device has on disk that the log does not have, or the other way round (C4, C7). */
export function basesProblem(
  { name, disk }: Device,
  logs: ReadonlyMap<string, Y.Doc>,
  documents: readonly string[],
): string | null {
  for (const id of documents) {
    const stored = disk.image.stores.get("documents")?.get(id);
    const base = stored === undefined ? undefined : decodeBase(stored);
    // Nobody has read it since, and its row is as it was.
    if (base === DAMAGED && disk.damaged.has(id)) continue;
    if (base === DAMAGED) return `${name}: ${id} is damaged`;
    const log = logs.get(id);
    if ((base?.live ?? false) !== (log !== undefined)) return `${name}: ${id} is live on one side`;
    if (!base || !log) continue;
    const part = loadPart(base.updates);
    if (!isComplete(log)) return `the log of ${id} has gaps`;
    if (!isComplete(part)) return `${name}: ${id} has gaps`;
    if (sameValue(flatOf(part), flatOf(log)) && sameIds(part, log)) continue;
    return `${name}: ${id} is ${show(flatOf(part))}, the log has ${show(flatOf(log))}`;
  }
  return null;
}

function flatOf(doc: Y.Doc): RowFields {
  return Object.fromEntries([...readFlat(doc)].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sameIds(a: Y.Doc, b: Y.Doc): boolean {
  const [x, y] = [a, b].map((doc) => Y.decodeStateVector(Y.encodeStateVector(doc)));
  return x!.size === y!.size && [...x!].every(([client, clock]) => y!.get(client) === clock);
}

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value);
}
