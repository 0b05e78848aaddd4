import { ReplicateError } from "../shared/errors.js";

/**
 * Rows by their ids, whatever the user's `getKey` returns: two rows under one key would show as one. A
 * `getKey` that returns something else is reported once, and throws at each write.
 */
export function keyById<R extends { id: string }>(given?: (row: R) => string) {
  let isReported = false;
  const problemOf = (row: R) => {
    const key: unknown = given ? given(row) : row.id;
    if (key === row.id) return null;
    return new ReplicateError(
      "INVALID_OPTIONS",
      `getKey has to return the row's id, but for the row ${JSON.stringify(row.id)} it returns ${typeof key === "string" ? JSON.stringify(key) : `a value of type ${typeof key}`}. Leave getKey out, or pass (row) => row.id.`,
    );
  };
  return {
    getKey(row: R): string {
      const problem = isReported ? null : problemOf(row);
      if (problem) {
        isReported = true;
        console.error("convex-replicate shows rows by their ids:", problem);
      }
      return row.id;
    },
    /** @throws {ReplicateError} `INVALID_OPTIONS` */
    checkKey(row: R) {
      const problem = problemOf(row);
      if (problem) throw problem;
    },
  };
}
