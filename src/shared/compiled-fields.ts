import { fieldsHash, fieldTree, type FieldTree } from "./field-tree.js";
import { defineFields, type Fields } from "./fields.js";
import { rowCheck, type RowCheck } from "./validate.js";

/** Everything that server and client derive from a table's fields. */
export type CompiledFields = {
  readonly names: readonly string[];
  readonly tree: FieldTree;
  readonly hash: string;
  readonly check: RowCheck;
};

/** @throws {ReplicateError} `INVALID_FIELDS` */
export function compileFields(fields: Fields): CompiledFields {
  const tree = fieldTree(defineFields(fields));
  return { names: Object.keys(fields), tree, hash: fieldsHash(tree), check: rowCheck(fields) };
}
