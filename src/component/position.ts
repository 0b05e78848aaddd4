/**
 * A place in the log. Rows written by one mutation share a `ts`, so a place inside such a tie needs
 * the rest of the index key (S1); a place after a whole tie needs only `ts`, because no later
 * commit can ever land on it.
 */
export type Position = { ts: bigint; inTie: TiePosition | null };
export type TiePosition = { document: string; part: string; chunk: number };

/** The opaque text that clients keep. */
export function encodeCursor({ ts, inTie }: Position): string {
  return JSON.stringify(inTie ? [`${ts}`, inTie.document, inTie.part, inTie.chunk] : [`${ts}`]);
}

/** Reads a cursor; whatever is not one means the beginning, so that a client can always go on. */
export function decodeCursor(cursor: string | null): Position | null {
  try {
    const [ts, document, part, chunk] = JSON.parse(cursor ?? "") as unknown[];
    if (typeof ts !== "string" || !/^\d{1,19}$/.test(ts)) return null;
    const inTie =
      typeof document === "string" && typeof part === "string" && Number.isSafeInteger(chunk)
        ? { document, part, chunk: chunk as number }
        : null;
    const value = BigInt(ts);
    return value < 2n ** 63n ? { ts: value, inTie } : null;
  } catch {
    return null;
  }
}
