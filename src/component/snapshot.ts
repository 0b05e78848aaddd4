import * as Y from "yjs";
import { sameValue } from "../shared/values.js";
import { isComplete, loadPart, readFlat } from "../shared/plain-part.js";

/**
 * One update that holds all that `updates` hold: encoded from a garbage-collected document, so that
 * values nobody can see any more are gone, while everything that other devices' changes may build
 * on stays (S5). It is compared with them before it is handed out.
 *
 * @throws {Error} when the snapshot differs; then the updates must stay.
 */
export function snapshotOf(updates: readonly Uint8Array[]): Uint8Array {
  const before = loadPart(updates);
  const bytes = Y.encodeStateAsUpdate(before);
  const after = loadPart([bytes]);
  if (!isComplete(before) || !isComplete(after)) {
    throw new Error("The log has a gap: some of its updates build on others that are not there.");
  }
  if (!Y.equalSnapshots(Y.snapshot(before), Y.snapshot(after)) || !sameFields(before, after)) {
    throw new Error("The snapshot differs from the updates that it would replace.");
  }
  return bytes;
}

function sameFields(a: Y.Doc, b: Y.Doc): boolean {
  const [x, y] = [readFlat(a), readFlat(b)];
  return x.size === y.size && [...x].every(([path, value]) => sameValue(value, y.get(path)));
}
