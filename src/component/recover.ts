import { v, type Infer } from "convex/values";
import * as Y from "yjs";
import { MAX_PART_STRUCTS } from "../shared/limits.js";
import { loadPart } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import { heldValidator, recoveredValidator } from "../shared/wire.js";
import { query } from "./_generated/server.js";
import { readEntry } from "./bytes.js";
import { readLive } from "./generations.js";

/**
 * Bytes of updates that one call reads, unless the first document alone has more: with the log rows,
 * and the largest document, it stays below the 16 MiB that Convex reads in a query (S8).
 */
const MAX_BYTES_READ = 6 * 1024 * 1024;
/** The same of a document that is the only one, and the rows of its log. */
const MAX_BYTES_ALONE = 15 * 1024 * 1024;
const MAX_ROWS_READ = 8_000;
/**
 * CRDT structs that one call merges, unless the first document alone has more: what they cost does not
 * show in their bytes, and the largest document there may be is as much as a query should compute.
 */
const MAX_STRUCTS_MERGED = MAX_PART_STRUCTS;

/**
 * What clients are missing of a part of some documents, given what they have of it. Reads one after
 * the other, and stops before it would read too much.
 *
 * @returns the answers for the first ones, at least one.
 */
export const recover = query({
  args: { collection: v.string(), part: v.string(), documents: v.array(heldValidator) },
  returns: v.array(recoveredValidator),
  handler: async (ctx, { collection, part, documents }) => {
    const answers: Infer<typeof recoveredValidator>[] = [];
    let bytes = 0;
    let structs = 0;
    for (const { document, ...held } of documents) {
      const name = { collection, document, part };
      const first = answers.length === 0;
      const most = { rows: MAX_ROWS_READ, bytes: first ? MAX_BYTES_ALONE : MAX_BYTES_READ - bytes };
      const { generation, entries: live, ...read } = await readLive(ctx, name, most);
      bytes += read.bytes;
      if (!first && (!read.whole || bytes > MAX_BYTES_READ)) break;
      if (!read.whole)
        throw new Error(`The log of ${JSON.stringify(document)} is too long to be read.`);
      if (live.length === 0) {
        answers.push({ document, generation, live: false, update: null });
        continue;
      }
      const stored = await Promise.all(live.map((entry) => readEntry(ctx, entry.rows)));
      const updates = stored.map((update) => new Uint8Array(update));
      structs += structsIn(updates);
      if (!first && structs > MAX_STRUCTS_MERGED) break;
      const doc = loadPart(updates);
      // Clocks start anew in each generation, so that those of another one say nothing about this one.
      const known = held.generation === generation ? new Uint8Array(held.stateVector) : undefined;
      const update = toArrayBuffer(Y.encodeStateAsUpdate(doc, known));
      answers.push({ document, generation, live: true, update });
    }
    return answers;
  },
});

/** Decoding takes a small part of the time that merging can take. */
function structsIn(updates: readonly Uint8Array[]): number {
  return updates.reduce((sum, update) => sum + Y.decodeUpdate(update).structs.length, 0);
}
