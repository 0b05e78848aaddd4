import type { GenericValidator, VObject, VRecord } from "convex/values";
import type { Fields } from "./fields.js";
import { childPath, ROOT, segmentsOf, type Path } from "./paths.js";
import { isConvexKey } from "./values.js";

/**
 * How a field maps to paths (D1): only objects outside a union and records split, so that their
 * keys merge one by one; everything else is one value.
 */
export type FieldNode =
  | { readonly kind: "value" }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, FieldNode> }
  | { readonly kind: "record"; readonly values: FieldNode };

export type FieldTree = Extract<FieldNode, { kind: "object" }>;

export function fieldTree(fields: Fields): FieldTree {
  const entries = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    kind: "object",
    fields: new Map(entries.map(([name, validator]) => [name, nodeOf(validator)])),
  };
}

function nodeOf(validator: GenericValidator): FieldNode {
  if (validator.kind === "object") return fieldTree((validator as VObject<unknown, Fields>).fields);
  if (validator.kind === "record") {
    return { kind: "record", values: nodeOf((validator as unknown as RecordShape).value) };
  }
  return { kind: "value" };
}

type RecordShape = { value: GenericValidator } & Pick<VRecord<unknown, never, never>, "kind">;

/** The node at `path`, or null when the fields have no such path. */
export function nodeAt(tree: FieldTree, path: Path): FieldNode | null {
  let node: FieldNode = tree;
  const segments = segmentsOf(path);
  // No row has it under another spelling, so that no validator and no hook would see it (S2).
  if (segments.reduce(childPath, ROOT) !== path) return null;
  for (const segment of segments) {
    const child: FieldNode | undefined =
      node.kind === "object"
        ? node.fields.get(segment)
        : node.kind === "record" && isConvexKey(segment)
          ? node.values
          : undefined;
    if (child === undefined) return null;
    node = child;
  }
  return node;
}

/**
 * A fingerprint of the field kinds, compared before the first sync (D3): two sides with the same
 * one map every row to the same paths. FNV-1a, 64 bits
 * (http://www.isthe.com/chongo/tech/comp/fnv/); it detects mistakes, not attacks.
 */
export function fieldsHash(tree: FieldTree): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(describe(tree, ROOT).join("\n"))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

function describe(node: FieldNode, path: Path): string[] {
  const line = `${path} ${node.kind}`;
  if (node.kind === "value") return [line];
  if (node.kind === "record") return [line, ...describe(node.values, `${path}/*`)];
  const below = [...node.fields].flatMap(([name, child]) => describe(child, childPath(path, name)));
  return [line, ...below];
}
