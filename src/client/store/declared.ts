import type { Value } from "convex/values";
import { nodeAt, type FieldNode, type FieldTree } from "../../shared/field-tree.js";
import type { Operations, RowFields } from "../../shared/operations.js";
import { ROOT, type Path } from "../../shared/paths.js";
import { isPlainObject } from "../../shared/values.js";

// What is on disk may have been made with other fields than there are now: an app that drops a field
// meets rows and unsent changes that still have it. Only new writes have to fit the fields.

/** A stored row with only what the fields declare; the same object where that is all of it. */
export function declaredRow(row: RowFields, tree: FieldTree): RowFields {
  return declared(row, tree) as RowFields;
}

/** @returns undefined where the fields have an object now, and what is stored is none. */
function declared(value: Value, node: FieldNode): Value | undefined {
  if (node.kind === "value") return value;
  if (!isPlainObject(value)) return undefined;
  const result: RowFields = {};
  let isWhole = true;
  for (const [key, item] of Object.entries(value) as [string, Value][]) {
    const child = node.kind === "record" ? node.values : node.fields.get(key);
    const kept = child && declared(item, child);
    isWhole &&= kept === item;
    if (kept !== undefined) result[key] = kept;
  }
  return isWhole ? value : result;
}

export function isDeclared(path: Path, tree: FieldTree): boolean {
  return path === ROOT || nodeAt(tree, path) !== null;
}

/**
 * What a stored change still comes to: without the paths that the fields do not declare any more. One
 * that writes nothing else stays as it is: the server refuses it, and the user sees it.
 */
export function declaredOperations(operations: Operations, tree: FieldTree): Operations {
  const known = [...operations].filter(([path]) => isDeclared(path, tree));
  return known.length === 0 || known.length === operations.size ? operations : new Map(known);
}
