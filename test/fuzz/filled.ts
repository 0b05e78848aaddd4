import { snapshotOf } from "../../src/component/snapshot.js";
import { attack, targetWith, type Target } from "./attack.js";
import { EVE, SMALL } from "./corpus.js";
import { VALUES } from "./heavy.js";
import { encodeStructure, type Struct } from "./structure.js";

/** A document that Eve fills by updates of which each is as heavy as one may be, and what it costs others. */
export type Filled = {
  what: string;
  /** Updates until one was refused, and the answer to that. */
  updates: number;
  verdict: string;
  /** Processor time of someone's small edit that finds it due for compaction, and does that, in ms. */
  ms: number;
};

/** What costs most for its weight: bench/fuzz.md. */
const KINDS = [
  "as many objects as pass",
  "as many objects of a key of their own as pass",
  "as many nested arrays as pass",
  "as many rows of a table as pass",
];

/** As many as any row has room for in bytes. */
const MOST_UPDATES = 20;
const TRIES = 4;

/** Of the default options: a log as long as its first entry, and at least so long, is compacted. */
const LONG_LOG = 64 * 1024;

/** @param most As each of them takes seconds. */
export function fillDocuments(most = Infinity): Filled[] {
  const texts = ["", "x".repeat(400_000)];
  const all = KINDS.flatMap((kind) => texts.map((text) => [kind, text] as const));
  return all.slice(0, most).map(([kind, text]) => filled(kind, text));
}

/** @param text Stands in the row beside it: light, but as long the log may grow before it is compacted. */
function filled(kind: string, text: string): Filled {
  const value = VALUES[kind]!();
  let clock = 0;
  const write = (key: string, value: unknown, left: Struct["left"] = null) => {
    const content = { kind: "any" as const, values: [value] };
    const struct: Struct = { left, right: null, parent: "fields", key, content };
    return encodeStructure({
      sections: [{ client: EVE, clock: clock++, structs: [struct] }],
      deletions: [],
    });
  };
  let target = targetWith(text === "" ? [] : [write("data", text)]);
  let verdict = "write";
  let updates = 0;
  while (verdict === "write" && updates < MOST_UPDATES) {
    const key = `more/k${updates}`;
    ({ verdict, target } = attack(target, "update", write(key, value)));
    if (verdict === "write") updates++;
  }
  clock--; // the refused one's
  const log = [snapshotOf(target.updates)];
  const most = Math.max(LONG_LOG, log[0]!.length);
  // Each replaces the one before, so that the row stays as it is.
  let last = clock - updates;
  for (let bytes = 0; bytes < most;) {
    const update = write("more/k0", value, { client: EVE, clock: last });
    last = clock - 1;
    log.push(update);
    bytes += update.length;
  }
  const what = `${updates} times ${kind}${text && " beside a text"}`;
  return { what, updates, verdict, ms: costOf({ ...target, updates: log }) };
}

function costOf(target: Target): number {
  const compaction = Array.from({ length: TRIES }, () => {
    const start = process.cpuUsage();
    snapshotOf(target.updates);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  const { verdict, ms } = attack(target, "update", SMALL);
  if (verdict !== "write") throw new Error(`a small edit was answered ${verdict}`);
  return ms + Math.min(...compaction);
}
