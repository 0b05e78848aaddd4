import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { FieldNode, FieldTree } from "./field-tree.js";
import { ancestorsOf, childPath, keyOf, ROOT, type Path } from "./paths.js";
import { kindOf, misfitError } from "./misfit.js";
import { isPlainObject, keyAdvice, isConvexKey, sameValue, toConvexValue } from "./values.js";
import { ReplicateError } from "./errors.js";

/** The plain fields of a row, without its id. */
export type RowFields = Record<string, Value>;

/**
 * A row as a flat map from path to value. An object or record that is present has a marker at its
 * own path, so that an empty one differs from a missing one (D1).
 */
export type FlatRow = Map<Path, Value>;

/** Changes of single paths; `undefined` removes. Later operations on a path replace earlier ones. */
export type Operations = Map<Path, Value | undefined>;

/** The presence marker of a split object. */
export const MARKER: Value = {};

/**
 * A row as a flat map of its paths; the inverse of {@link unflatten}.
 *
 * @param known The row as it was before a change: what the fields do not declare and the change does
 * not touch is left out, because it is not the change's fault (e.g. of a field that is gone).
 * @throws {ReplicateError} `INVALID_VALUE` for a value or key that Convex refuses (D4), `INVALID_ROW` for
 * a field that is not declared, and for anything but an object where one is.
 */
export function flatten(row: object, tree: FieldTree, known?: object): FlatRow {
  const flat: FlatRow = new Map();
  flattenInto(flat, row, tree, { path: ROOT, where: "row", known });
  return flat;
}

type Place = { path: Path; where: string; known: unknown };

function flattenInto(flat: FlatRow, value: unknown, node: FieldNode, place: Place) {
  const { path, where } = place;
  if (node.kind === "value") {
    flat.set(path, toConvexValue(value, where));
    return;
  }
  // In the place of a marker it would be shown as an empty object, and its content by nobody.
  if (!isPlainObject(value)) {
    toConvexValue(value, where); // what Convex does not store at all is told as such
    throw misfitError({ at: where, expected: "object", got: kindOf(value) });
  }
  flat.set(path, MARKER);
  const before = isPlainObject(place.known) ? place.known : {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || (path === ROOT && key === "id")) continue;
    const at = path === ROOT ? key : `${where}.${key}`;
    const child = node.kind === "record" ? node.values : node.fields.get(key);
    const known = Object.hasOwn(before, key) ? before[key] : undefined;
    if (child === undefined && sameValue(known as Value | undefined, item as Value)) continue;
    if (!isConvexKey(key)) {
      throw new ReplicateError("INVALID_VALUE", `The row cannot be stored: ${keyAdvice(key)}.`);
    }
    if (child === undefined) {
      throw new ReplicateError(
        "INVALID_ROW",
        `The row has a field \`${at}\` that its fields do not declare. Add it to defineFields() or leave it out.`,
      );
    }
    flattenInto(flat, item, child, { path: childPath(path, key), where: at, known });
  }
}

/** The row that `flat` describes, keys sorted; null when its root marker is missing. */
export function unflatten(flat: ReadonlyMap<Path, Value>, tree: FieldTree): RowFields | null {
  const children = childKeys(flat);
  const build = (node: FieldNode, path: Path): Value | undefined => {
    const value = flat.get(path);
    if (node.kind === "value" || value === undefined) return value;
    const keys = node.kind === "object" ? node.fields.keys() : (children.get(path) ?? []).sort();
    const object: RowFields = {};
    for (const key of keys) {
      const child = node.kind === "object" ? node.fields.get(key)! : node.values;
      const item = build(child, childPath(path, key));
      if (item !== undefined) object[key] = item;
    }
    return object;
  };
  return (build(tree, ROOT) as RowFields | undefined) ?? null;
}

/** For every path, the unescaped keys directly below it. */
function childKeys(flat: ReadonlyMap<Path, Value>): Map<Path, string[]> {
  const result = new Map<Path, string[]>();
  for (const path of flat.keys()) {
    const slash = path.lastIndexOf("/");
    if (slash < 0) continue; // top-level names come from the field tree
    const parent = path.slice(0, slash);
    const key = keyOf(path.slice(slash + 1));
    const keys = result.get(parent);
    if (keys) keys.push(key);
    else result.set(parent, [key]);
  }
  return result;
}

/** What turns `from` into `to`, path by path (C2). */
export function difference(from: FlatRow, to: FlatRow): Operations {
  const operations: Operations = new Map();
  for (const [path, value] of to) {
    if (!sameValue(from.get(path), value)) operations.set(path, value);
  }
  for (const path of from.keys()) if (!to.has(path)) operations.set(path, undefined);
  return operations;
}

/** Applies `operations` to `flat` in place. */
export function applyOperations(flat: FlatRow, operations: Operations): void {
  for (const [path, value] of complete(flat, operations)) {
    if (value === undefined) flat.delete(path);
    else flat.set(path, value);
  }
}

/**
 * `operations` with what they imply on a given state (D1): a write re-asserts the markers above
 * it, and an object that goes, or that comes again, takes along what is still below it.
 */
export function complete(flat: PresentPaths, operations: Operations): Operations {
  const result: Operations = new Map(operations);
  for (const [path, value] of operations) {
    if (value !== undefined) {
      for (const above of ancestorsOf(path)) if (!result.has(above)) result.set(above, MARKER);
    }
  }
  // What goes takes along what is written below it, too: no row would show it, so that no validator
  // and no hook would see it (S2).
  for (const [path, value] of result) {
    if (value !== undefined && goesWith(path, result)) result.set(path, undefined);
  }
  const over = new Set<Path>();
  for (const [path, value] of result) {
    const starts = value !== undefined && !flat.has(path);
    if (path !== ROOT && (value === undefined || starts)) over.add(path);
  }
  if (over.size === 0) return result;
  // Once through all paths, not once for each: ten thousand keys may go, or come, at a time.
  for (const below of flat.keys()) {
    if (result.has(below)) continue;
    if (ancestorsOf(below).some((above) => over.has(above))) result.set(below, undefined);
  }
  return result;
}

/** Whether something above `path` is removed by the operations. */
function goesWith(path: Path, operations: Operations): boolean {
  return ancestorsOf(path).some((above) => isRemoved(above, operations));
}

function isRemoved(path: Path, operations: Operations): boolean {
  return operations.has(path) && operations.get(path) === undefined;
}

/**
 * {@link complete} for a client: in at most `most` writes wherever removals that others imply can be
 * spared. The server completes what it gets on the state that it has, so they take effect all the same.
 */
export function completeWithin(
  most: number,
  flat: PresentPaths,
  operations: Operations,
): Operations {
  const completed = complete(flat, operations);
  for (const [path, value] of completed) {
    if (completed.size <= most) break;
    const isImplied = value === undefined && (!operations.has(path) || goesWith(path, completed));
    if (isImplied) completed.delete(path);
  }
  return completed;
}

/** What of a {@link FlatRow} tells which paths have a value. */
type PresentPaths = Pick<ReadonlyMap<Path, unknown>, "has" | "keys">;

/** Operations as JSON text, for storage: `[[path, value], [removedPath], …]`. */
export function encodeOperations(operations: Operations): string {
  const pairs = [...operations].map(([path, value]) =>
    value === undefined ? [path] : [path, convexToJson(value)],
  );
  return JSON.stringify(pairs);
}

export function decodeOperations(text: string): Operations {
  const pairs = JSON.parse(text) as [Path, JSONValue?][];
  return new Map(
    pairs.map(([path, value]) => [path, value === undefined ? undefined : jsonToConvex(value)]),
  );
}
