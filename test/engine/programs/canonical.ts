import { CommitTsPlaceholder, convexToJson, type Value } from "convex/values";
import type { Outcome } from "../../../dev/backend/runtime.js";

/** The embedded engine's ids, and those of convex-test. */
const ID = /^(?:[0-9a-hjkmnp-tv-z]{32}|\d{20,}\w+)$/;
/** In nanoseconds since the epoch: years 2001 to 2049. */
const COMMIT_TS = { from: 10n ** 18n, to: 25n * 10n ** 17n };

/** What each runtime words in its own way. */
const ERROR_KINDS: [RegExp, string][] = [
  [/non-?existent doc/i, "no such document"],
  [/Validator error/, "does not fit the validator"],
  // convex-test's validator of objects, given `null`.
  [/Cannot convert undefined or null to object/, "does not fit the validator"],
  [/Cannot read properties of null/, "does not fit the validator"],
  [/is not registered/, "no such component"],
  [/unique\(\) query returned more than one/, "not unique"],
  [/Invalid argument `id`/, "not an id of that table"],
  [/paginated quer/, "paginates twice"],
  [/in `withIndex`/, "not a range of that index"],
  [/unresolved/, "unresolved commit timestamp"],
];

/**
 * Writes a runtime's values so that those of another one can be compared with them: ids and commit
 * timestamps by the order of their appearance, errors by their kind.
 */
export class Canonical {
  readonly #names = { id: new Map<string, string>(), ts: new Map<string, string>() };

  outcome(outcome: Outcome): string {
    if (outcome.type === "value") return this.value(outcome.value);
    if (outcome.data !== undefined) return `throws ${this.value(outcome.data)}`;
    return `throws ${errorKind(outcome.message)}`;
  }

  value(value: Value | undefined): string {
    return JSON.stringify(this.#simplify(value), null, 1);
  }

  #simplify(value: Value | undefined, field?: string): unknown {
    if (field === "_creationTime") return "<creation time>";
    if (typeof value === "string") return this.#text(value, field);
    if (typeof value === "bigint") return this.#bigint(value);
    if (Array.isArray(value)) return value.map((element) => this.#simplify(element));
    if (typeof value !== "object" || value === null || isLeaf(value)) {
      return value === undefined ? "<undefined>" : convexToJson(value);
    }
    const names = Object.keys(value).sort();
    return Object.fromEntries(names.map((name) => [name, this.#simplify(value[name], name)]));
  }

  #text(text: string, field: string | undefined): string {
    if (field === "caught") return errorKind(text);
    if (field?.endsWith("Cursor") === true && text !== "_end_cursor") return "<cursor>";
    return ID.test(text) ? this.#name("id", text) : text;
  }

  #bigint(value: bigint): string {
    const isTs = value > COMMIT_TS.from && value < COMMIT_TS.to;
    return isTs ? this.#name("ts", String(value)) : `${value}n`;
  }

  #name(what: "id" | "ts", value: string): string {
    const names = this.#names[what];
    let name = names.get(value);
    if (name === undefined) names.set(value, (name = `<${what} ${names.size}>`));
    return name;
  }
}

function isLeaf(value: object): value is ArrayBuffer | CommitTsPlaceholder {
  return value instanceof ArrayBuffer || value instanceof CommitTsPlaceholder;
}

function errorKind(message: string): string {
  const known = ERROR_KINDS.find(([pattern]) => pattern.test(message));
  return known?.[1] ?? message;
}
