import type { RowFields } from "../../../src/shared/operations.js";
import type { Effect, Truth } from "../world/server.js";
import type { Ledger, Write } from "./ledger.js";

/** Refused for ever: what was refused with it can never take effect. */
const FINAL_REFUSALS = new Set(["FORBIDDEN"]);

/** What a server says only to a client that has done something wrong. */
const FAULTS = new Set(["MISSING_DEPENDENCIES", "INVALID_UPDATE", "INVALID_PUSH"]);

/** What it says when the document is gone, or not there any more. */
const GONE = new Set(["DOCUMENT_REMOVED", "UNKNOWN_DOCUMENT"]);

/** The first word of the titles that a hook refuses, by the code it says so with. */
const REASONS: Record<string, string> = {
  FORBIDDEN: "forbidden",
  NOT_NOW: "guarded",
  REFUSED: "vetoed",
};

type Happened = { at: number; effect: Effect };

/** Compares what users did and were told with what happened on the server; null when all is well. */
export function historyProblem(ledger: Ledger, { rows, effects }: Truth): string | null {
  const table = new Map(rows.map((row) => [row.id, row]));
  const happened = new Map<string, Happened[]>();
  for (const [at, effect] of effects.entries()) {
    for (const mark of effect.marks) {
      happened.set(mark, [...(happened.get(mark) ?? []), { at, effect }]);
    }
  }
  for (const write of ledger.writes) {
    const row = table.get(write.document);
    const problem =
      write.mark === null
        ? removalProblem(ledger, write, row)
        : writeProblem(ledger, write, happened.get(write.mark) ?? [], row, effects);
    if (problem) return problem;
  }
  return orderProblem(ledger, effects);
}

function writeProblem(
  ledger: Ledger,
  write: Write,
  happened: Happened[],
  row: RowFields | undefined,
  effects: Effect[],
): string | null {
  const { document, isDurable, isExcused, isCarried, isRepeated, tab } = write;
  const mark = write.mark!;
  const rejected = ledger.rejected.get(mark);
  const name = `${mark} of ${document} by ${write.tab.name}`;
  const first = happened[0];
  if (happened.length > 1 && !isRepeated) return `took effect twice: ${name}`;
  if (rejected && !isDeserved(ledger, write, rejected, effects)) {
    return `was refused without reason (${rejected}): ${name}`;
  }
  if (first && rejected && FINAL_REFUSALS.has(rejected) && !isRepeated) {
    return `was rejected and took effect: ${name}`;
  }
  if (!first) {
    const isKept = isDurable || (isCarried && tab.isAlive);
    const isGone = isKept && !rejected && !isExcused && !isWithdrawn(ledger, write);
    return isGone ? `lost before it reached the server: ${name}` : null;
  }
  const generation = isRepeated ? null : laterGeneration(ledger, write, first.at, effects);
  if (generation)
    return `meant for the generation of ${generation}, and took effect in a later one: ${name}`;
  const isRemoved = effects.some(
    (effect, at) => at > first.at && effect.kind === "remove" && effect.document === document,
  );
  const isShown = marksOf(row)[mark] !== undefined;
  return isShown || isRemoved ? null : `lost on the server: ${name}`;
}

/**
 * What an edit was made on, when all of that was over before the edit took effect (S4). It may follow
 * an own insert, though, that was to join that generation and began the next one.
 */
function laterGeneration(
  ledger: Ledger,
  { document, kind, seen }: Write,
  at: number,
  effects: Effect[],
): string | null {
  if (kind !== "update") return null;
  const before = effects.slice(0, at).filter((effect) => effect.document === document);
  // What was deleted directly and put back before the next push never was gone for the log.
  const isEnd = ({ kind, title }: Effect) => kind === "remove" && title !== "directly";
  const begins = before.findLastIndex(isEnd) + 1;
  const over = new Set(before.slice(0, begins).flatMap(({ marks }) => marks));
  const isOver = (mark: string) => over.has(mark) && ledger.find(mark)?.isRepeated === false;
  return seen.every(isOver) ? (seen[0] ?? null) : null;
}

/** Whether there is a reason for a refusal: in the change, or in one that it builds on. */
function isDeserved(
  { writes, rejected }: Ledger,
  { document, tab, mark, isRepeated }: Write,
  code: string,
  effects: Effect[],
): boolean {
  if (isRepeated) return true;
  if (FAULTS.has(code)) return false;
  const others = writes.filter(
    (other) => other.document === document && other.tab.device === tab.device,
  );
  if (GONE.has(code)) {
    // What this tab did before, and was accepted: from then on it was there, unless removed again.
    // When a change that was retried took effect says nothing of that.
    const before = others.slice(
      0,
      others.findIndex((other) => other.mark === mark),
    );
    const last = before.findLast((other) => other.tab === tab && !other.isRepeated);
    const since = effects.findIndex(({ marks }) => last?.mark && marks.includes(last.mark));
    const isRemoved = ({ kind, document: removed }: Effect, at: number) =>
      at > since && kind === "remove" && removed === document;
    const isRefused = (other: Write) => other.mark !== mark && rejected.has(other.mark ?? "");
    // What another tab removed before it was ever sent, no effect tells of.
    const isTakenBack = (other: Write) => other.kind === "remove" && other.tab !== tab;
    return effects.some(isRemoved) || others.some(isRefused) || others.some(isTakenBack);
  }
  const reason = REASONS[code];
  if (reason === undefined) return true;
  const isReason = ({ kind, mark: own, title }: Write) =>
    (own === mark || kind === "insert") && title.startsWith(reason);
  return others.some(isReason);
}

/**
 * Whether the same user removed the document after this change, perhaps before it was sent. What two
 * tabs do is in the order in which it came to their disk, which only they know.
 */
function isWithdrawn({ writes }: Ledger, write: Write): boolean {
  const at = writes.indexOf(write);
  return writes.some(
    ({ kind, document, tab }, index) =>
      kind === "remove" &&
      document === write.document &&
      tab.device === write.tab.device &&
      (index > at || tab !== write.tab),
  );
}

/** A removal ends the document that was seen: nothing of it may be there again. */
function removalProblem(ledger: Ledger, write: Write, row: RowFields | undefined): string | null {
  const { document, seen, isDurable, isExcused } = write;
  if (!isDurable || isExcused || ledger.isRefusedRemoval(write)) return null;
  const back = seen.find(
    (mark) => marksOf(row)[mark] !== undefined && ledger.find(mark)?.isRepeated === false,
  );
  return back ? `removed by ${write.tab.name}, and there again: ${back} of ${document}` : null;
}

/** The change that reached the server last wins its paths, whatever the clients' ids are (D5). */
function orderProblem(ledger: Ledger, effects: Effect[]): string | null {
  for (const { document, marks, title } of effects) {
    const writes = marks.map((mark) => ledger.find(mark)!);
    if (writes.length === 0 || writes.some(({ isRepeated }) => isRepeated)) continue;
    const inOrder = ledger.writes.filter((write) => writes.includes(write));
    const sameTab = writes.every(({ tab }) => tab === writes[0]!.tab);
    const winners = sameTab ? inOrder.slice(-1) : inOrder;
    if (winners.some((write) => write.title === title)) continue;
    // What another tab had of a lost disk came to the new one, and along in this push, after it.
    const winner = ledger.writes.find((write) => write.title === title);
    if (winner?.isRepeated && winner.tab.device === writes[0]!.tab.device) continue;
    return `arrived last and did not win: ${marks.join()} of ${document}, whose title is ${title}`;
  }
  return null;
}

export function marksOf(row: RowFields | undefined): Record<string, unknown> {
  return (row?.["marks"] ?? {}) as Record<string, unknown>;
}
