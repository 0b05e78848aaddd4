/**
 * Leaves out steps for as long as it still fails: halves first, then ever smaller pieces. Does what
 * delta debugging does, without its guarantee of a minimum.
 *
 * @param fails Whether these steps are enough.
 */
export async function shrink(
  steps: readonly number[],
  fails: (steps: number[]) => Promise<boolean>,
): Promise<number[]> {
  let current = [...steps];
  for (let size = Math.ceil(current.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < current.length;) {
      const rest = [...current.slice(0, at), ...current.slice(at + size)];
      if (await fails(rest)) current = rest;
      else at += size;
    }
  }
  return current;
}
