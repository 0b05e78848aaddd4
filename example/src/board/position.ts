/** Something that has a place in a column. */
export interface Placed {
  id: string;
  position: number;
}

/**
 * The position between two neighbours; either may be missing at an end of the column. A gap halves
 * with every drop into it: after some fifty in the very same place two tasks tie, and their ids decide.
 */
export function between(above: number | undefined, below: number | undefined): number {
  if (above === undefined) return below === undefined ? 0 : below - 1;
  return below === undefined ? above + 1 : (above + below) / 2;
}

/** Where `moved` has to be to stand right before `beforeId` in `column`, or at its end for `null`. */
export function positionBefore(
  column: readonly Placed[],
  beforeId: string | null,
  moved: string,
): number {
  const others = column.filter((item) => item.id !== moved);
  const found = others.findIndex((item) => item.id === beforeId);
  const index = found === -1 ? others.length : found;
  return between(others[index - 1]?.position, others[index]?.position);
}
