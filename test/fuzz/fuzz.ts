import * as Y from "yjs";
import { snapshotOf } from "../../src/component/snapshot.js";
import { loadPart } from "../../src/shared/plain-part.js";
import { attack, TARGETS, type Attack, type Op, type Target } from "./attack.js";
import { CORPUS, EVE, EVES_NEXT, SMALL, VICTIM } from "./corpus.js";
import { heavyCorpus } from "./heavy.js";
import { mutate } from "./mutate.js";
import { mutateStructure, type Material } from "./mutate-structure.js";
import { seeded } from "./random.js";
import { decodeStructure, encodeStructure, type Structure } from "./structure.js";

export type Source = "corpus" | "structure" | "bytes";

export type FuzzResult = {
  /** What updates came to, a refusal's code or what was done, and how many of each source. */
  verdicts: Map<string, Record<Source, number>>;
  updates: Record<Source, number>;
  /** How many were sound, so that what they say was looked at. */
  passed: number;
  /** What should not have happened, with the bytes that made it happen. */
  problems: string[];
  slowest: { ms: number; what: string };
  /** Most growth of the heap that one update caused, in MB, as far as collections allow to see. */
  mostMegabytes: { megabytes: number; what: string };
};

/** Of the mutations these are of structures, and of the rest these of the heavy corpus. */
const STRUCTURES = 0.75;
const HEAVY = 0.002;

/** Entries that attacks may leave in a document before the next one begins. */
const MOST_ENTRIES = 8;

/** Bytes of updates from which on a log is compacted. */
const LONG_LOG = 64 * 1024;

type Random = () => number;

/** Sends both corpora, and then so many mutations of them. */
export function fuzz(seed: number, updates: number): FuzzResult {
  const random = seeded(seed);
  const result: FuzzResult = {
    verdicts: new Map(),
    updates: { corpus: 0, structure: 0, bytes: 0 },
    passed: 0,
    problems: [],
    slowest: { ms: 0, what: "" },
    mostMegabytes: { megabytes: 0, what: "" },
  };
  const heavy = heavyCorpus();
  for (const { what, target, bytes } of heavy) {
    const outcome = attack(target, "update", bytes);
    note(result, "corpus", what, bytes, outcome);
    const next = attack(outcome.target, "update", SMALL);
    note(result, "corpus", `a small write after ${what}`, SMALL, next);
  }
  for (const bytes of CORPUS) {
    for (const target of TARGETS) {
      for (const op of ["insert", "update"] as const) {
        note(result, "corpus", "one of the corpus", bytes, attack(target, op, bytes));
      }
    }
  }
  const ofStructures = structures(random);
  const ofBytes = mutations(
    random,
    heavy.map(({ bytes }) => bytes),
  );
  let target: Target = TARGETS[0]!;
  for (let n = 0; n < updates; n++) {
    const source = random() < STRUCTURES ? "structure" : "bytes";
    const op: Op = random() < 0.8 ? "update" : "insert";
    const mutant = source === "structure" ? ofStructures.next(target) : ofBytes.next();
    const outcome = attack(target, op, mutant.bytes);
    note(result, source, `a mutation of ${source}`, mutant.bytes, outcome);
    mutant.answered(["write", "unchanged"].includes(outcome.verdict));
    target =
      outcome.target.updates.length > MOST_ENTRIES || random() < 0.1
        ? from(random)
        : later(outcome.target);
  }
  return result;
}

/** Mostly a live document. */
function from(random: Random): Target {
  return TARGETS[Math.floor(random() ** 2 * TARGETS.length)]!;
}

/** The document as the next push finds it: a long log is compacted. */
function later(target: Target): Target {
  const bytes = target.updates.reduce((total, update) => total + update.byteLength, 0);
  return bytes < LONG_LOG ? target : { ...target, updates: [snapshotOf(target.updates)] };
}

/** The next bytes to send; `answered` is to be told whether they were taken. */
type Mutant = { bytes: Uint8Array; answered(taken: boolean): void };

function mutations(random: Random, heavy: Uint8Array[]) {
  const of = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const pick = () => (random() < HEAVY ? of(heavy) : of(CORPUS));
  // Neighbours of neighbours: what was accepted is where the next ones start from.
  let start = pick();
  return {
    next(): Mutant {
      const bytes = mutate(start, of(CORPUS), random);
      const answered = (taken: boolean) =>
        (start = !taken || bytes.length > 4_096 || random() < 0.3 ? pick() : bytes);
      return { bytes, answered };
    },
  };
}

/** Of the structures that mutations start from, and of their clocks, so many are sound. */
const SOUND = 0.9;
const IN_TURN = 0.6;

function structures(random: Random) {
  const sound = CORPUS.filter(isSound).map(decodeStructure);
  const all = CORPUS.flatMap(structureOf);
  const of = (list: Structure[]) => list[Math.floor(random() * list.length)]!;
  const pick = () => of(random() < SOUND ? sound : all);
  let start = pick();
  return {
    next(target: Target): Mutant {
      const material = materialOf(target);
      const structure = mutateStructure(start, of(all), material, random);
      for (const section of structure.sections) {
        if (random() < IN_TURN) section.clock = material.clockOf(section.client);
      }
      const answered = (taken: boolean) => (start = taken && random() < 0.7 ? structure : pick());
      return { bytes: encodeStructure(structure), answered };
    },
  };
}

function isSound(bytes: Uint8Array): boolean {
  return attack(TARGETS[0]!, "update", bytes).passed;
}

function structureOf(bytes: Uint8Array): Structure[] {
  try {
    return [decodeStructure(bytes)];
  } catch {
    return []; // no update at all
  }
}

const CLIENTS = [EVE, EVE, EVES_NEXT, VICTIM, 5, 1, 2 ** 32 - 1, 2 ** 53 - 1];

function materialOf({ updates }: Target): Material {
  const doc = loadPart(updates);
  const known = Y.decodeStateVector(Y.encodeStateVector(doc));
  const ids = [...known].flatMap(([client, clock]) => [
    { client, clock: clock - 1 },
    { client, clock: 0 },
    { client, clock },
  ]);
  return {
    self: EVE,
    clients: CLIENTS,
    ids: [...ids, { client: EVE, clock: 0 }, { client: VICTIM, clock: 2 ** 32 }],
    clockOf: (client) => known.get(client) ?? 0,
  };
}

function note(
  result: FuzzResult,
  source: Source,
  what: string,
  bytes: Uint8Array,
  { verdict, problem, passed, ms, megabytes }: Attack,
) {
  const counts = result.verdicts.get(verdict) ?? { corpus: 0, structure: 0, bytes: 0 };
  counts[source]++;
  result.verdicts.set(verdict, counts);
  result.updates[source]++;
  if (passed && source !== "corpus") result.passed++;
  if (ms > result.slowest.ms) result.slowest = { ms, what: `${what}, ${bytes.length} B` };
  if (megabytes > result.mostMegabytes.megabytes) result.mostMegabytes = { megabytes, what };
  if (problem !== null) {
    result.problems.push(`${problem}: ${Buffer.from(bytes.slice(0, 10_000)).toString("hex")}`);
  }
}
