import * as Y from "yjs";
import { v } from "convex/values";
import { snapshotOf } from "../../src/component/snapshot.js";
import type { Standing } from "../../src/server/client-ids.js";
import { clientIdsOfAll, incoming } from "../../src/server/incoming.js";
import { mergeChange, type Outcome } from "../../src/server/merge.js";
import type { DocumentState } from "../../src/server/reconcile.js";
import { compileFields } from "../../src/shared/compiled-fields.js";
import { nodeAt } from "../../src/shared/field-tree.js";
import { fieldsOf, isComplete, loadPart, renderRow } from "../../src/shared/plain-part.js";
import { sameValue, toArrayBuffer } from "../../src/shared/values.js";
import { EVE, EVES_NEXT, LOG, VICTIM, VICTIMS_NEXT } from "./corpus.js";

const fields = compileFields({
  title: v.string(),
  votes: v.optional(v.record(v.string(), v.number())),
  data: v.optional(v.any()),
  more: v.optional(v.record(v.string(), v.any())),
});

/** A document as an attack finds it. */
export type Target = DocumentState;

function targetOf(updates: Uint8Array[]): Target {
  const stored = renderRow(loadPart(updates), fields.tree);
  return { generation: 1, live: true, updates, whole: true, ended: [], forgotten: 0, stored };
}

/** A document as its log was written, one that was compacted, one that was removed, and none. */
export const TARGETS: readonly Target[] = [
  targetOf(LOG),
  targetOf([snapshotOf(LOG)]),
  {
    generation: 1,
    live: false,
    updates: [],
    whole: true,
    ended: [{ generation: 1, stateVector: Y.encodeStateVector(loadPart(LOG)) }],
    forgotten: 0,
    stored: null,
  },
  { generation: 0, live: false, updates: [], whole: true, ended: [], forgotten: 0, stored: null },
];

/** One that has been large for long: as many keys as there may be. */
export const targetWith = (updates: Uint8Array[]): Target => targetOf([...LOG, ...updates]);

/** What becomes of bytes that Eve sends, and what is wrong about that, if anything is. */
export type Attack = {
  verdict: string;
  problem: string | null;
  /** Whether the bytes were sound, so that what they say was looked at. */
  passed: boolean;
  /** The document afterwards. */
  target: Target;
  /** Processor time of the server's code, in ms, and how much its heap grew, in MB. */
  ms: number;
  megabytes: number;
};

export type Op = "insert" | "update";

/** Has the server's code judge the bytes, with everything around it pure. */
export function attack(target: Target, op: Op, bytes: Uint8Array): Attack {
  const copies = target.updates.map((update) => update.slice());
  const { outcome, passed, ms, megabytes } = measured(target, op, bytes);
  const isKept = copies.every((copy, n) => Buffer.compare(copy, target.updates[n]!) === 0);
  if (outcome instanceof Error) {
    const problem = `it threw ${outcome.stack}`;
    return { verdict: "threw", problem, passed, target, ms, megabytes };
  }
  const after = applied(target, outcome);
  const problem = isKept ? problemOf(outcome, after) : "it changed the log in place";
  const verdict = outcome.kind === "rejected" ? outcome.code : outcome.kind;
  return { verdict, problem, passed, target: after, ms, megabytes };
}

/** How long the server's code takes, in ms of processor time: the machine may be anyone's. */
const SLOW_MS = 50;

/** What is slow every time is slow by itself, not by what came before: compilation, collection. */
const TRIES = 8;

function measured(target: Target, op: Op, bytes: Uint8Array) {
  const first = judged(target, op, bytes, EVE);
  let { ms, megabytes } = first;
  for (let n = 1; n < TRIES && (ms > SLOW_MS || megabytes > SLOW_MS); n++) {
    const again = judged(target, op, bytes, EVE);
    ms = Math.min(ms, again.ms);
    megabytes = Math.min(megabytes, again.megabytes);
  }
  return { ...first, ms, megabytes };
}

function judged(target: Target, op: Op, bytes: Uint8Array, clientId: number) {
  const parts = [{ part: "fields", update: toArrayBuffer(bytes) }];
  const generation = op === "insert" ? target.generation + (target.live ? 0 : 1) : 1;
  const heap = process.memoryUsage().heapUsed;
  const start = process.cpuUsage();
  let passed = false;
  let outcome: Outcome | Error;
  try {
    const change = incoming({ document: "a", generation, op, parts });
    passed = change.kind !== "invalid";
    outcome = mergeChange(fields, target, change, standingsOf(clientIdsOfAll([change]), clientId));
  } catch (error) {
    outcome = error as Error;
  }
  const { user, system } = process.cpuUsage(start);
  const megabytes = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
  return { outcome, passed, ms: (user + system) / 1_000, megabytes };
}

/** Eve has a second id, which no one has used yet; all others are someone else's. */
function standingsOf(authors: number[], clientId: number) {
  return new Map(
    authors.map((id): [number, Standing] => [
      id,
      id === clientId ? "own" : clientId === EVE && id === EVES_NEXT ? "claimable" : "foreign",
    ]),
  );
}

function applied(target: Target, outcome: Outcome): Target {
  if (outcome.kind !== "write") return target;
  const { generation, next, entries } = outcome;
  const before = target.live ? target.updates : [];
  const updates = [...before, ...entries.map(({ bytes }) => bytes)];
  return { ...target, generation, live: true, updates, stored: next };
}

function problemOf(outcome: Outcome, after: Target): string | null {
  if (outcome.kind !== "write") return null;
  const { authors, next } = outcome;
  if ([...authors].some((id) => id !== EVE && id !== EVES_NEXT)) {
    return "it was accepted under a foreign id";
  }
  const doc = loadPart(after.updates);
  if (!isComplete(doc)) return "it left something pending";
  const row = renderRow(doc, fields.tree);
  if (row === null || !sameValue(row, next)) return "the table is not what the log says";
  if ([...fieldsOf(doc).keys()].some((path) => nodeAt(fields.tree, path) === null)) {
    return "it left a path that no row shows";
  }
  const compacted = renderRow(loadPart([snapshotOf(after.updates)]), fields.tree);
  if (compacted === null || !sameValue(row, compacted)) return "compaction changes what it says";
  return after.generation === 1 && knowsVictim(doc) ? victimsProblem(after) : null;
}

function knowsVictim(doc: Y.Doc): boolean {
  return Y.getState(doc.store, VICTIM) > 0;
}

function victimsProblem(after: Target): string | null {
  const { outcome } = judged(after, "update", VICTIMS_NEXT, VICTIM);
  if (outcome instanceof Error) return `the victim's next write threw ${outcome.stack}`;
  if (outcome.kind !== "write") return `the victim's next write was ${outcome.kind}`;
  return outcome.next["title"] === "the victim's next" ? null : "the victim's next write was lost";
}
