/** What of the Standard Schema (https://standardschema.dev) TanStack DB asks for. */
type RowSchema = {
  "~standard": { version: 1; vendor: string; validate(row: unknown): { value: unknown } };
};

/**
 * A schema that takes every row as it is, or throws what `check` does. TanStack DB validates inside
 * `insert()` and `update()`, so that is where the error comes out, before anything is shown; what a handler
 * throws later it swallows.
 */
export function schemaOf(check: (row: unknown) => void): RowSchema {
  return {
    "~standard": {
      version: 1,
      vendor: "convex-replicate",
      validate(row) {
        check(row);
        return { value: row };
      },
    },
  };
}
