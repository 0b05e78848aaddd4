import * as Y from "yjs";
import type { Value } from "convex/values";
import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import { nodeAt } from "../shared/field-tree.js";
import { invalidUpdate, type FieldUpdate } from "../shared/guard.js";
import { MAX_LIFETIME_KEYS } from "../shared/limits.js";
import { complete, MARKER, type Operations } from "../shared/operations.js";
import type { Path } from "../shared/paths.js";
import {
  captureUpdate,
  fieldsOf,
  isComplete,
  mintExactly,
  presentPaths,
  SERVER_CLIENT_ID,
} from "../shared/plain-part.js";
import type { FieldWrite, WriteId } from "../shared/scan.js";
import { fromCrdtValue, sameValue, toConvexValue } from "../shared/values.js";

/** The update builds on what the server does not have; the state vector says what it has. */
export class MissingDependencies extends ReplicateError {
  constructor(readonly stateVector: Uint8Array) {
    super("MISSING_DEPENDENCIES", "The update builds on changes that the server does not have.");
  }
}

/**
 * Applies writes to `doc` and makes each of them, and what it implies on the state it meets (D1),
 * the winner of its path: Yjs lets the higher client id win between concurrent writes, we let the
 * one that arrived last (D5).
 *
 * @param writes Those of the update that `doc` does not know yet.
 * @returns the bytes to append to the log, or null when `doc` knew it all.
 * @throws {ReplicateError} `MISSING_DEPENDENCIES`, `INVALID_UPDATE`, `INVALID_VALUE`, `TOO_MANY_KEYS`
 */
export function applyWrites(
  fields: CompiledFields,
  doc: Y.Doc,
  { update, writes }: FieldUpdate,
): Uint8Array | null {
  const paths = pathsOf(fields, doc, writes);
  const before = presentPaths(doc);
  const { applied, contents } = applyUpdate(doc, update, writes);
  if (applied === null) return null;

  const written: Operations = new Map(
    paths.map((path, n) => [path, checkedValue(fields, path, contents[n])]),
  );
  checkKeys(doc);
  const current = new Map(paths.map((path, n) => [path, contents[n]]));
  const lost: Operations = new Map();
  for (const [path, value] of complete(before, written)) {
    const wins = fieldsOf(doc).get(path);
    // What was written below something removed is `undefined` here, though its own content wins.
    if (value !== undefined && wins !== undefined && Object.is(wins, current.get(path))) continue;
    const shown = wins === undefined ? undefined : fromCrdtValue(wins);
    if (!sameValue(shown, value)) lost.set(path, value);
  }
  const correction = lost.size > 0 ? mintExactly(doc, lost, SERVER_CLIENT_ID) : null;
  return correction ? Y.mergeUpdates([applied, correction]) : applied;
}

/**
 * The fields that are written, each once: many writes of one would be concurrent with one another, and
 * every replica would compare each with each, for ever.
 */
function pathsOf(fields: CompiledFields, doc: Y.Doc, writes: readonly FieldWrite[]): Path[] {
  const paths = writes.map(({ at }) => (typeof at === "string" ? at : pathOf(doc, at)));
  for (const path of paths) {
    if (nodeAt(fields.tree, path) === null) {
      throw invalidUpdate(`it writes \`${path}\`, which is not among the fields`);
    }
  }
  if (new Set(paths).size < paths.length) throw invalidUpdate("it writes a field twice");
  return paths;
}

function pathOf(doc: Y.Doc, { client, clock }: WriteId): Path {
  if (clock >= Y.getState(doc.store, client)) {
    throw new MissingDependencies(Y.encodeStateVector(doc));
  }
  const { parentSub } = Y.getItem(doc.store, Y.createID(client, clock));
  if (parentSub === null) throw invalidUpdate("it writes to no field");
  return parentSub;
}

/** Applies the update, and reads what it wrote before the content of what lost is collected. */
function applyUpdate(doc: Y.Doc, update: Uint8Array, writes: readonly FieldWrite[]) {
  const stateVector = Y.encodeStateVector(doc);
  const contents: unknown[] = [];
  const applied = captureUpdate(doc, () => {
    try {
      Y.applyUpdate(doc, update);
    } catch (error) {
      throw invalidUpdate("it cannot be decoded as a Yjs update in V1 encoding", error);
    }
    if (!isComplete(doc)) throw new MissingDependencies(stateVector);
    for (const { id } of writes) {
      contents.push(contentOf(Y.getItem(doc.store, Y.createID(id.client, id.clock))));
    }
  });
  return { applied, contents };
}

function contentOf({ content }: Y.Item): unknown {
  if (content instanceof Y.ContentAny) return content.arr[0];
  if (content instanceof Y.ContentBinary) return content.content;
  throw invalidUpdate("it holds a type that plain fields cannot have");
}

/** @throws {ReplicateError} `TOO_MANY_KEYS` */
export function checkKeys(doc: Y.Doc) {
  const { size } = fieldsOf(doc); // nothing is ever deleted, only written as undefined
  if (size <= MAX_LIFETIME_KEYS) return;
  throw new ReplicateError(
    "TOO_MANY_KEYS",
    `A document has at most ${MAX_LIFETIME_KEYS} keys in its life, removed ones included, and this would be ${size}. Remove it and insert it again, or spread it over several.`,
  );
}

function checkedValue(fields: CompiledFields, path: Path, content: unknown): Value | undefined {
  if (content === undefined) return undefined;
  const value = toConvexValue(fromCrdtValue(content), path);
  // Whatever else stood there would be kept and sent, but seen by no validator and no hook.
  if (nodeAt(fields.tree, path)?.kind !== "value" && !sameValue(value, MARKER)) {
    throw invalidUpdate(`it hides a value at \`${path}\``);
  }
  return value;
}
