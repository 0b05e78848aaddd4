import type { GenericValidator, Value, VObject } from "convex/values";
import { ReplicateError } from "./errors.js";
import type { Fields } from "./fields.js";
import { isPlainObject } from "./values.js";

/** What of a value does not fit: its place, what should be there, and what is. */
export type Misfit = { at: string; expected: string; got: string };

const MISSING = "missing";
const UNDECLARED = "left out";

/** The first place where `value` is not what `validator` says, or null: Convex's rules, told to people. */
export function misfitOf(validator: GenericValidator, value: unknown, at = ""): Misfit | null {
  if (value === undefined) {
    if (validator.isOptional === "optional") return null;
    return { at, expected: nameOf(validator), got: MISSING };
  }
  const misfit = { at, expected: nameOf(validator), got: kindOf(value) };
  switch (validator.kind) {
    case "any":
      return null;
    case "literal":
      return value === literalOf(validator) ? null : { ...misfit, got: shown(value) };
    case "array":
      return Array.isArray(value) ? inArray(validator, value, at) : misfit;
    case "object":
      return isPlainObject(value) ? inObject(validator, value, at) : misfit;
    case "record":
      return isPlainObject(value) ? inRecord(validator, value, at) : misfit;
    case "union":
      return inUnion(validator, value, at);
    default:
      return kindOf(value) === nameOf(validator) ? null : misfit;
  }
}

export function misfitError({ at, expected, got }: Misfit): ReplicateError {
  const what =
    expected === UNDECLARED
      ? `\`${at}\` is not one of its fields`
      : got === MISSING
        ? `\`${at}\` is missing; it should be ${expected}`
        : `\`${at}\` should be ${expected}, but is ${got}`;
  return new ReplicateError("INVALID_ROW", `The row does not fit its fields: ${what}.`);
}

function inArray(validator: GenericValidator, items: readonly unknown[], at: string) {
  const { element } = validator as unknown as { element: GenericValidator };
  for (const [n, item] of items.entries()) {
    const misfit = misfitOf(element, item, `${at}[${n}]`);
    if (misfit) return misfit;
  }
  return null;
}

function inObject(validator: GenericValidator, object: Record<string, unknown>, at: string) {
  const { fields } = validator as VObject<unknown, Fields>;
  for (const [name, field] of Object.entries(fields)) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined; // `toString` is inherited
    const misfit = misfitOf(field, value, below(at, name));
    if (misfit) return misfit;
  }
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined || Object.hasOwn(fields, name)) continue;
    return { at: below(at, name), expected: UNDECLARED, got: kindOf(value) };
  }
  return null;
}

function inRecord(validator: GenericValidator, record: Record<string, unknown>, at: string) {
  const { key, value } = validator as unknown as Record<"key" | "value", GenericValidator>;
  for (const [name, item] of Object.entries(record)) {
    if (item === undefined) continue;
    const misfit = misfitOf(key, name, `key of ${at}`) ?? misfitOf(value, item, below(at, name));
    if (misfit) return misfit;
  }
  return null;
}

/** Points into the only member that can be meant, or else names them all. */
function inUnion(validator: GenericValidator, value: unknown, at: string): Misfit | null {
  const misfits: [GenericValidator, Misfit][] = [];
  for (const member of membersOf(validator)) {
    const misfit = misfitOf(member, value, at);
    if (misfit === null) return null;
    misfits.push([member, misfit]);
  }
  const inside = misfits.filter(([, misfit]) => misfit.at !== at);
  if (inside.length === 1) return inside[0]![1];
  const hasLiterals = misfits.some(([member]) => member.kind === "literal");
  return { at, expected: nameOf(validator), got: hasLiterals ? shown(value) : kindOf(value) };
}

/** What a validator accepts, in the words of TypeScript, in which people write rows. */
function nameOf(validator: GenericValidator): string {
  switch (validator.kind) {
    case "float64":
      return "number";
    case "int64":
      return "bigint";
    case "bytes":
      return "ArrayBuffer";
    case "id":
      return "string";
    case "record":
      return "object";
    case "literal":
      return shown(literalOf(validator));
    case "union": {
      const names = [...new Set(membersOf(validator).map(nameOf))];
      const last = names.pop() ?? "nothing";
      return names.length > 0 ? `${names.join(", ")} or ${last}` : last;
    }
    default:
      return validator.kind;
  }
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return value instanceof ArrayBuffer ? "ArrayBuffer" : typeof value;
}

const MAX_SHOWN = 60;

/** A scalar as one writes it; of anything else, what it is. */
function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "string") return typeof value === "object" ? kindOf(value) : String(value);
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}

const below = (at: string, name: string) => (at === "" ? name : `${at}.${name}`);

function literalOf(validator: GenericValidator): Value {
  return (validator as unknown as { value: Value }).value;
}

function membersOf(validator: GenericValidator): GenericValidator[] {
  return (validator as unknown as { members: GenericValidator[] }).members;
}
