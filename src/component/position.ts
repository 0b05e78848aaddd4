/**
 * A place in the log. Rows written by one mutation share a `ts`, so a place inside such a tie needs
 * the rest of the index key (S1); a place after a whole tie needs only `ts`, because no later
 * commit can ever land on it.
 */
export type Position = { ts: bigint; inTie: TiePosition | null };
export type TiePosition = { document: string; part: string; chunk: number };

/** What a client has read of a scope's log. */
export type Cursor = Position & {
  /** Everything up to here is known: the end of the log when it began to load, or last was there (S6). */
  asOf: bigint;
  /** Of which database; see `past.ts`. */
  epoch: string;
};

/** The opaque text that clients keep. Where a whole tie ends all before it is known. */
export function encodeCursor({ ts, inTie, asOf, epoch }: Cursor): string {
  const tie = inTie ? [`${asOf}`, inTie.document, inTie.part, inTie.chunk] : [];
  return JSON.stringify([`${ts}`, epoch, ...tie]);
}

/** Reads a cursor; null for whatever is not one. */
export function decodeCursor(cursor: string): Cursor | null {
  try {
    const [first, epoch, second, document, part, chunk, ...rest] = JSON.parse(cursor) as unknown[];
    const ts = timestampOf(first);
    if (ts === null || typeof epoch !== "string" || rest.length > 0) return null;
    if (second === undefined) return { ts, inTie: null, asOf: ts, epoch };
    const asOf = timestampOf(second);
    if (asOf === null || typeof document !== "string" || typeof part !== "string") return null;
    if (!Number.isSafeInteger(chunk)) return null;
    return { ts, inTie: { document, part, chunk: chunk as number }, asOf, epoch };
  } catch {
    return null;
  }
}

function timestampOf(text: unknown): bigint | null {
  if (typeof text !== "string" || !/^\d{1,19}$/.test(text)) return null;
  const value = BigInt(text);
  return value < 2n ** 63n ? value : null;
}
