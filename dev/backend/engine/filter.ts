import { CommitTsPlaceholder, jsonToConvex, type JSONValue, type Value } from "convex/values";
import { fieldAt } from "./document.js";
import { encodeKey } from "./index-key.js";

type Evaluate = (document: Value) => Value | undefined;

type Operands = [JSONValue, JSONValue];

const MAX_INT64 = 2n ** 63n - 1n;

/** The function that a serialized filter expression stands for: `q.eq(q.field("a"), 1)`. */
export function compileFilter(expression: JSONValue): (document: Value) => boolean {
  const evaluate = compile(expression);
  return (document) => evaluate(document) === true;
}

/** A literal in an expression or an index range; a missing field is `undefined`. */
export function readLiteral(json: JSONValue): Value | undefined {
  if (isRecord(json) && "$undefined" in json) return undefined;
  return comparable(jsonToConvex(json));
}

const COMPARE: Record<string, (order: number) => boolean> = {
  $eq: (order) => order === 0,
  $neq: (order) => order !== 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
};

/** Typed for numbers, right for bigints too: the operators are the same. */
const ARITHMETIC: Record<string, (a: number, b: number) => number> = {
  $add: (a, b) => a + b,
  $sub: (a, b) => a - b,
  $mul: (a, b) => a * b,
  $div: (a, b) => a / b,
  $mod: (a, b) => a % b,
};

function compile(expression: JSONValue): Evaluate {
  if (!isRecord(expression)) throw new Error(`Not an expression: ${JSON.stringify(expression)}`);
  const [[operator, operand] = ["", null]] = Object.entries(expression);
  const compare = COMPARE[operator];
  if (compare !== undefined) {
    const [left, right] = (operand as Operands).map(compile) as [Evaluate, Evaluate];
    return (document) => compare(order(left(document), right(document)));
  }
  const calculate = ARITHMETIC[operator];
  if (calculate !== undefined) {
    const [left, right] = (operand as Operands).map(compile) as [Evaluate, Evaluate];
    return (document) => {
      const [a, b] = numbers(operator, left(document), right(document));
      return calculate(a, b);
    };
  }
  return compileOther(operator, operand as JSONValue);
}

function compileOther(operator: string, operand: JSONValue): Evaluate {
  switch (operator) {
    case "$field": {
      const path = (operand as string).split(".");
      return (document) => comparable(fieldAt(document, path));
    }
    case "$literal": {
      const literal = readLiteral(operand);
      return () => literal;
    }
    case "$neg": {
      const inner = compile(operand);
      return (document) => -(inner(document) as number);
    }
    case "$not": {
      const inner = compile(operand);
      return (document) => inner(document) !== true;
    }
    case "$and": {
      const parts = (operand as JSONValue[]).map(compile);
      return (document) => parts.every((part) => part(document) === true);
    }
    case "$or": {
      const parts = (operand as JSONValue[]).map(compile);
      return (document) => parts.some((part) => part(document) === true);
    }
    default:
      throw new Error(`Unknown operator "${operator}" in a filter`);
  }
}

function order(a: Value | undefined, b: Value | undefined): number {
  const [left, right] = [encodeKey([a]), encodeKey([b])];
  return left < right ? -1 : left > right ? 1 : 0;
}

function numbers(operator: string, a: Value | undefined, b: Value | undefined): [number, number] {
  const areNumbers =
    (typeof a === "number" && typeof b === "number") ||
    (typeof a === "bigint" && typeof b === "bigint");
  if (!areNumbers) {
    throw new Error(`"${operator}" in a filter needs two numbers of one type`);
  }
  return [a, b] as [number, number];
}

function comparable(value: Value | undefined): Value | undefined {
  return value instanceof CommitTsPlaceholder ? MAX_INT64 : value;
}

function isRecord(json: JSONValue): json is { [key: string]: JSONValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
