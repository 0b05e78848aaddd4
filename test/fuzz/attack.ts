import * as Y from "yjs";
import { v } from "convex/values";
import { authorsOf, incoming } from "../../src/server/incoming.js";
import { mergeChange, type Outcome } from "../../src/server/merge.js";
import type { Standing } from "../../src/server/client-ids.js";
import { compileFields } from "../../src/shared/compiled-fields.js";
import { isComplete, loadPart, renderRow } from "../../src/shared/plain-part.js";
import { sameValue, toArrayBuffer } from "../../src/shared/values.js";
import type { RowFields } from "../../src/shared/operations.js";
import { EVE, LOG, VICTIMS_NEXT } from "./corpus.js";

const fields = compileFields({
  title: v.string(),
  votes: v.optional(v.record(v.string(), v.number())),
  data: v.optional(v.any()),
});

const render = (...updates: Uint8Array[]) => renderRow(loadPart(updates), fields.tree);

const STORED = render(...LOG)!;
const KEPT = LOG.map((update) => update.slice());

/** What the server's code makes of bytes that Eve sends as an update, with everything around it pure. */
function judge(updates: Uint8Array[], stored: RowFields, bytes: Uint8Array, clientId: number) {
  const parts = [{ part: "fields", update: toArrayBuffer(bytes) }];
  const change = incoming({ document: "a", generation: 1, op: "update", parts });
  const standings = new Map(
    authorsOf([change]).map((id): [number, Standing] => [id, id === clientId ? "own" : "foreign"]),
  );
  const state = { generation: 1, live: true, updates, ended: [], stored };
  return mergeChange(fields, state, change, standings);
}

/** What became of one update, and what is wrong about that, if anything is. */
export type Verdict = { verdict: string; problem: string | null };

export function attack(bytes: Uint8Array): Verdict {
  let outcome: Outcome;
  try {
    outcome = judge(LOG, STORED, bytes, EVE);
  } catch (error) {
    return { verdict: "threw", problem: `it threw ${String(error)}` };
  }
  const verdict = outcome.kind === "rejected" ? outcome.code : outcome.kind;
  return { verdict, problem: stateProblem() ?? outcomeProblem(outcome) };
}

function stateProblem(): string | null {
  const isKept = LOG.every((update, n) => Buffer.compare(update, KEPT[n]!) === 0);
  return isKept ? null : "it changed the log in place";
}

function outcomeProblem(outcome: Outcome): string | null {
  if (outcome.kind !== "write") return null;
  if ([...outcome.authors].some((id) => id !== EVE)) return "it was accepted under a foreign id";
  const log = [...LOG, ...outcome.entries.map((entry) => entry.bytes)];
  const doc = loadPart(log);
  if (!isComplete(doc)) return "it left something pending";
  const row = renderRow(doc, fields.tree);
  if (row === null || !sameValue(row, outcome.next)) return "the table is not what the log says";
  const next = judge(log, row, VICTIMS_NEXT, victimOf(VICTIMS_NEXT));
  if (next.kind !== "write") return `the victim's next write was ${next.kind}`;
  return next.next["title"] === "the victim's next" ? null : "the victim's next write was lost";
}

function victimOf(update: Uint8Array): number {
  return [...Y.parseUpdateMeta(update).to.keys()][0]!;
}
