import {
  CommitTsPlaceholder,
  convexToJson,
  jsonToConvex,
  type JSONValue,
  type ValidatorJSON,
  type Value,
} from "convex/values";
import { isObject } from "./document.js";
import { isIdOf } from "./ids.js";

/** Checks a value; throws a {@link ValidationError} that says where it does not fit. */
export type Check = (value: Value | undefined) => void;

/** Returns what is wrong, or `null`. `path` is where we are: `.tasks[3].title`. */
type Find = (value: Value | undefined, path: string) => string | null;

export class ValidationError extends Error {
  readonly code = "VALIDATION_FAILED";
}

export function compileValidator(json: ValidatorJSON): Check {
  const find = compile(json);
  return (value) => {
    const problem = find(value, "");
    if (problem !== null) throw new ValidationError(`Validator error: ${problem}`);
  };
}

const TYPE_OF = {
  null: [(value: Value | undefined) => value === null, "null"],
  number: [(value: Value | undefined) => typeof value === "number", "number"],
  // What is pending will be an int64.
  bigint: [isInt64, "bigint"],
  commitTs: [isInt64, "v.commitTs()"],
  boolean: [(value: Value | undefined) => typeof value === "boolean", "boolean"],
  string: [(value: Value | undefined) => typeof value === "string", "string"],
  bytes: [(value: Value | undefined) => value instanceof ArrayBuffer, "ArrayBuffer"],
} as const;

function compile(json: ValidatorJSON): Find {
  if (json.type in TYPE_OF) {
    const [fits, name] = TYPE_OF[json.type as keyof typeof TYPE_OF];
    return (value, path) => (fits(value) ? null : mismatch(`\`${name}\``, value, path));
  }
  switch (json.type) {
    case "any":
      return (value, path) => (value === undefined ? mismatch("a value", value, path) : null);
    case "literal": {
      const literal = jsonToConvex(json.value);
      return (value, path) =>
        value === literal ? null : mismatch(`\`${show(literal)}\``, value, path);
    }
    case "id":
      return (value, path) =>
        typeof value === "string" && isIdOf(json.tableName, value)
          ? null
          : mismatch(`ID for table "${json.tableName}"`, value, path);
    case "array":
      return compileArray(compile(json.value));
    case "union":
      return compileUnion(json.value);
    case "object":
      return compileObject(json.value);
    case "record":
      return compileRecord(json);
    default:
      throw new Error(`Unknown validator ${JSON.stringify(json)}`);
  }
}

function compileArray(element: Find): Find {
  return (value, path) => {
    if (!Array.isArray(value)) return mismatch("`Array`", value, path);
    return first(value, (item, i) => element(item, `${path}[${i}]`));
  };
}

function compileUnion(members: ValidatorJSON[]): Find {
  const finds = members.map(compile);
  const names = members.map(({ type }) => type).join(", ");
  return (value, path) =>
    finds.some((find) => find(value, path) === null)
      ? null
      : mismatch(`one of ${names}`, value, path);
}

function compileObject(fields: Extract<ValidatorJSON, { type: "object" }>["value"]): Find {
  const known = new Map(
    Object.entries(fields).map(([name, { fieldType, optional }]) => [
      name,
      { find: compile(fieldType), optional },
    ]),
  );
  return (value, path) => {
    if (!isObject(value)) return mismatch("`object`", value, path);
    for (const [name, { find, optional }] of known) {
      const field = Object.hasOwn(value, name) ? value[name] : undefined;
      if (field === undefined) {
        if (!optional) return `Missing required field \`${name}\` in object${at(path)}`;
        continue;
      }
      const problem = find(field, `${path}.${name}`);
      if (problem !== null) return problem;
    }
    const extra = Object.keys(value).find((name) => !known.has(name) && value[name] !== undefined);
    return extra === undefined ? null : `Unexpected field \`${extra}\` in object${at(path)}`;
  };
}

function compileRecord({ keys, values }: Extract<ValidatorJSON, { type: "record" }>): Find {
  const findKey = compile(keys as ValidatorJSON);
  const findValue = compile(values.fieldType);
  return (value, path) => {
    if (!isObject(value)) return mismatch("`object`", value, path);
    return first(
      Object.entries(value),
      ([name, field]) =>
        findKey(name, `${path} (the key "${name}")`) ?? findValue(field, `${path}.${name}`),
    );
  };
}

function first<T>(items: readonly T[], find: (item: T, i: number) => string | null): string | null {
  for (const [i, item] of items.entries()) {
    const problem = find(item, i);
    if (problem !== null) return problem;
  }
  return null;
}

function isInt64(value: Value | undefined): boolean {
  return typeof value === "bigint" || value instanceof CommitTsPlaceholder;
}

function mismatch(expected: string, value: Value | undefined, path: string): string {
  return `Expected ${expected}, got \`${show(value)}\`${at(path)}`;
}

function at(path: string): string {
  return path === "" ? "" : ` (at ${path})`;
}

const MAX_SHOWN = 200;

function show(value: Value | undefined): string {
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return `${value}n`;
  const text = typeof value === "string" ? value : JSON.stringify(convexToJson(value) as JSONValue);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
