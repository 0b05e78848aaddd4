import type { Value } from "convex/values";

/**
 * What a function shall do, as data: the same program can be sent to any runtime as an argument of
 * the same interpreter.
 */
export type Step =
  | { do: "insert"; table: string; fields: Fields }
  | { do: "patch" | "replace"; table?: string; id: Operand; fields: Fields }
  | { do: "get" | "delete"; table?: string; id: Operand }
  | { do: "normalizeId"; table: string; id: Operand }
  | { do: "find"; query: Query; end: End; then?: Change }
  | { do: "page"; query: Query; numItems: number; cursor: string | null }
  | ({ do: "call" } & Call)
  | { do: "try"; step: Step }
  | { do: "throw"; message: string; data?: Value }
  | { do: "commitTs" };

export type Fields = Record<string, Operand>;

export type Operand =
  | ["value", Value]
  | ["undefined"]
  /** The pending timestamp of the commit. */
  | ["commitTs"]
  /** The id that this function's n-th insert gave. */
  | ["inserted", number]
  /** What the caller passed on. */
  | ["passed"]
  /** The sum of `n` over everything this function has read: a write that shows what was read. */
  | ["tally"]
  /** The n-th id, or commit timestamp, that any program returned; filled in before the call. */
  | ["id", number]
  | ["ts", number];

export interface Query {
  table: string;
  index?: IndexRange;
  order?: "asc" | "desc";
  filter?: Filter;
}

export interface IndexRange {
  name: string;
  equal: [field: string, value: Operand][];
  lower?: [operator: "gt" | "gte", field: string, value: Operand];
  upper?: [operator: "lt" | "lte", field: string, value: Operand];
}

export type Filter =
  | {
      compare: "eq" | "neq" | "lt" | "lte" | "gt" | "gte";
      field: string;
      value: Operand;
      plus?: number;
    }
  | { both: [Filter, Filter] }
  | { either: [Filter, Filter] }
  | { not: Filter };

export type End = "collect" | "first" | "unique" | { take: number } | { breakAfter: number };

/** What is done to every document that a query found. */
export type Change = { patch: Fields } | { replace: Fields } | "delete";

export interface Call {
  kind: "query" | "mutation";
  /** Another function of the same app or component, or one of the component `inner`. */
  target: "own" | "inner";
  isStale: boolean;
  steps: Step[];
  pass?: Operand;
}

export interface Program {
  kind: "query" | "mutation";
  steps: Step[];
}
