import { hasEnded, type BaseDocument } from "./base.js";
import { decoding } from "./damaged.js";
import { declaredOperations, isDeclared } from "./declared.js";
import type { StoredRecord } from "./records.js";
import type { FieldTree } from "../../shared/field-tree.js";
import { MAX_UPDATE_WRITES } from "../../shared/limits.js";
import { completeWithin, decodeOperations, type Operations } from "../../shared/operations.js";
import {
  FIELDS_PART,
  loadPart,
  mintChange,
  mintExactly,
  readFlat,
  writtenSince,
} from "../../shared/plain-part.js";
import { toArrayBuffer } from "../../shared/values.js";
import type { Change } from "../../shared/wire.js";

export type NumberedRecord = { seq: number; record: StoredRecord };

/** Local changes merged into one update at most, so that one group fits one transaction. */
const MAX_GROUP = 500;

/** What to do with the first records of a document (C4). */
export type Minted =
  /** Send `change`, which stands for `group`; `fresh` when its bytes have to be stored first. */
  | { kind: "send"; change: Change; group: NumberedRecord[]; fresh: boolean }
  /** The group removes what the server does not have, or not any more, or says nothing: nothing is sent. */
  | { kind: "cancelled"; group: NumberedRecord[] }
  /** The generation of the document that the group belongs to is over. */
  | { kind: "dead"; group: NumberedRecord[] };

/**
 * Decides what to send for a document. A group that has bytes is sent again with exactly those;
 * otherwise the latest operation of every path becomes one update on top of the newest base.
 *
 * @param records The document's records that are not rejected, in order; at least one.
 */
export function mint(
  records: NumberedRecord[],
  base: BaseDocument | undefined,
  clientId: number,
  tree: FieldTree,
): Minted {
  // Also where an older change of another tab became known later: on the same base it would be made
  // under the same clocks, and the server takes them for one (C6).
  const sent = records.find(({ record }) => record.group !== null)?.record;
  if (sent) {
    const group = records.filter(({ record }) => record.group === sent.group);
    const generation = sent.pushedAs ?? sent.generation;
    return { kind: "send", group, fresh: false, change: changeOf(group, sent.update, generation) };
  }
  const head = records[0]!.record;
  const group = withinLimits(firstGroup(records), tree);
  const ends = group.at(-1)!.record.kind === "remove";
  if (head.kind === "insert") {
    if (ends && !base?.live) return { kind: "cancelled", group };
  } else if (base && hasEnded(base, head.generation)) {
    // A removal has nothing left to do then.
    return { kind: ends ? "cancelled" : "dead", group };
  }
  const update = ends ? null : mintGroup(group, base, clientId, tree);
  // Without bytes it would be sent as a removal, which nobody has asked for.
  if (!ends && update === null) return { kind: "cancelled", group };
  const change = changeOf(group, update, generationToPush(head, base));
  return { kind: "send", group, fresh: true, change };
}

/**
 * The generation that a push names. That of an insert may have ended since it was recorded, or never
 * begin, when those before it were never sent. A push that named a later generation than there is could
 * end or restart that one when it comes again (S4). What builds on the insert still names its first
 * generation, until the answer names the one where it went.
 */
function generationToPush(
  { kind, generation }: StoredRecord,
  base: BaseDocument | undefined,
): number {
  if (kind !== "insert") return generation;
  if (base?.live) return Math.min(generation, base.generation);
  const ended = base?.generation ?? 0;
  return ended + 1;
}

/**
 * Moves the first edit, and those made in the same generation of the document, to the one that they
 * joined: another tab may not have known where the server had put the insert that it stored them for.
 * Changes `records` in place.
 *
 * @returns those that changed.
 */
export function followInsert(
  records: readonly NumberedRecord[],
  base: BaseDocument | undefined,
): NumberedRecord[] {
  const { kind, group, generation } = records[0]!.record;
  if (group !== null || kind === "insert" || !base?.live) return [];
  if (base.insertedAs !== generation && generation <= base.generation) return [];
  const following = records.filter(({ record }) => record.generation === generation);
  for (const { record } of following) record.generation = base.generation;
  return following;
}

/**
 * The records that one update can carry: of one generation of the document, up to a removal, and alone what
 * was refused together.
 */
function firstGroup(records: NumberedRecord[]): NumberedRecord[] {
  const { generation } = records[0]!.record;
  const group: NumberedRecord[] = [];
  for (const one of records) {
    const { record } = one;
    const sameGeneration = record.generation === generation;
    const fits = group.length < MAX_GROUP && record.group === null && sameGeneration;
    if (group.length > 0 && (!fits || record.alone || record.kind === "insert")) break;
    group.push(one);
    if (record.alone || record.kind === "remove") break;
  }
  return group;
}

/** As many of the records as one update may write paths; the server would refuse it as a whole. */
function withinLimits(group: NumberedRecord[], tree: FieldTree): NumberedRecord[] {
  if (group.length === 1 || operationsOf(group, tree).size <= MAX_UPDATE_WRITES) return group;
  return withinLimits(group.slice(0, Math.ceil(group.length / 2)), tree);
}

function mintGroup(
  group: NumberedRecord[],
  base: BaseDocument | undefined,
  clientId: number,
  tree: FieldTree,
): Uint8Array | null {
  // An insert stands on its own: the server may by then have ended the generation we know.
  const inserts = group[0]!.record.kind === "insert";
  const doc = decoding(() => loadPart(inserts || !base ? [] : base.updates));
  return mintChange(doc, operationsOf(group, tree), clientId);
}

/**
 * The bytes of a group for a server that has less than it once had, e.g. since a backup of it was
 * restored. They build on nothing, and bring back what it lost of the fields, whoever wrote it:
 * others' own updates nobody but they may send (S3).
 *
 * @param stateVector What the server has of the document.
 * @param clientId One that nobody has used yet.
 */
export function mintAnew(
  group: NumberedRecord[],
  base: BaseDocument,
  stateVector: Uint8Array,
  clientId: number,
  tree: FieldTree,
): Uint8Array<ArrayBuffer> | null {
  const doc = decoding(() => loadPart(base.updates));
  const flat = readFlat(doc);
  const lost = writtenSince(doc, stateVector)
    .filter((path) => isDeclared(path, tree))
    .map((path) => [path, flat.get(path)] as const);
  const operations: Operations = new Map([...lost, ...operationsOf(group, tree)]);
  const completed = completeWithin(MAX_UPDATE_WRITES, flat, operations);
  return mintExactly(loadPart([]), completed, clientId);
}

/** The latest operation of every path. */
function operationsOf(group: NumberedRecord[], tree: FieldTree): Operations {
  return new Map(
    group.flatMap(({ record }) => [
      ...declaredOperations(decodeOperations(record.operations), tree),
    ]),
  );
}

/** The group with the bytes that go out for it, until they are answered, and the generation they name. */
export function withBytes(
  group: NumberedRecord[],
  update: Uint8Array | null,
  pushedAs?: number,
): NumberedRecord[] {
  const [head] = group as [NumberedRecord];
  return group.map(({ seq, record }) => ({
    seq,
    record: {
      ...record,
      ...(pushedAs !== undefined && { pushedAs }),
      group: head.seq,
      update: seq === head.seq ? update : null,
    },
  }));
}

function changeOf(group: NumberedRecord[], update: Uint8Array | null, generation: number): Change {
  const { document, kind } = group[0]!.record;
  if (update === null) return { document, generation, op: "remove", parts: [] };
  return {
    document,
    generation,
    op: kind === "insert" ? "insert" : "update",
    parts: [{ part: FIELDS_PART, update: toArrayBuffer(update) }],
  };
}
