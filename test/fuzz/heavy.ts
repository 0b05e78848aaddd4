import {
  MAX_LIFETIME_KEYS,
  MAX_UPDATE_WEIGHT,
  MAX_UPDATE_WRITES,
} from "../../src/shared/limits.js";
import { TARGETS, targetWith, type Target } from "./attack.js";
import { EVE, EVES_NEXT } from "./corpus.js";
import { encodeStructure, type Struct } from "./structure.js";

/** An update that asks for as much work as one can: right below a limit, or far above it. */
export type Heavy = { what: string; target: Target; bytes: Uint8Array };

const MOST_ELEMENTS = 8_192;
const MOST_OBJECT_KEYS = 1_000;

function write(path: string, value: unknown): Struct {
  const content = { kind: "any" as const, values: [value] };
  return { left: null, right: null, parent: "fields", key: path, content };
}

function updateOf(structs: Struct[], client = EVE): Uint8Array {
  return encodeStructure({ sections: [{ client, clock: 0, structs }], deletions: [] });
}

const range = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** As many of one value as the limit of weight lets pass. */
function crowd(weight: number, make: (n: number) => unknown): unknown[][] {
  const arrays = Math.ceil(MAX_UPDATE_WEIGHT / weight / MOST_ELEMENTS);
  const count = Math.floor((MAX_UPDATE_WEIGHT - 6 * (arrays + 2)) / weight);
  const values = range(count, make);
  return range(arrays, (n) => values.slice(n * MOST_ELEMENTS, (n + 1) * MOST_ELEMENTS));
}

const objectOf = (keys: number, name: (n: number) => string) =>
  Object.fromEntries(range(keys, (n) => [name(n), 1]));

export const VALUES: Record<string, () => unknown> = {
  "as many nulls as pass": () => crowd(1, () => null),
  "as many numbers as pass": () => crowd(1, (n) => n + 0.1),
  "as many int64 as pass": () => crowd(1, (n) => BigInt(n)),
  "as many texts as pass": () => crowd(3, (n) => `text ${n}`),
  "as many empty texts as pass": () => crowd(3, () => ""),
  "as many texts beyond ASCII as pass": () => crowd(3, () => "éüéü"),
  "as many bytes as pass": () => crowd(11, () => new Uint8Array(50)),
  "as many arrays as pass": () => crowd(4, () => []),
  "as many nested arrays as pass": () => crowd(45, () => [[[[[[[[[[[0]]]]]]]]]]]),
  "as many objects as pass": () => crowd(4, () => ({})),
  "as many objects of one key as pass": () => crowd(7, () => ({ key: 1 })),
  "as many objects of a key of their own as pass": () => crowd(13, (n) => ({ [`key${n}`]: 1 })),
  "as many wide objects as pass": () =>
    crowd(9 * MOST_OBJECT_KEYS, () => objectOf(MOST_OBJECT_KEYS, (n) => `key${n}`)),
  "as many wide objects of keys of their own as pass": () =>
    crowd(9 * MOST_OBJECT_KEYS, (n) => objectOf(MOST_OBJECT_KEYS, (k) => `key${k}/${n}`)),
  "as many rows of a table as pass": () =>
    crowd(19, (n) => ({ id: n, name: `name ${n}`, done: true, at: 1.5 })),
  "a megabyte of text": () => "x".repeat(1_000_000),
  "a megabyte of text beyond ASCII": () => "é".repeat(500_000),
  "half a megabyte in texts": () => range(5_000, () => "x".repeat(100)),
  "two megabytes of text": () => "x".repeat(2_000_000),
  "a key of a megabyte": () => [{ ["k".repeat(1_000_000)]: 1 }],
  "more values than pass": () => range(30, () => new Array<null>(MOST_ELEMENTS).fill(null)),
};

const votes = (count: number, value: (n: number) => unknown, pad = "") =>
  range(count, (n) => write(`votes/${pad}${n}`, value(n)));

const KEYS = { most: MAX_UPDATE_WRITES, ofARow: MOST_OBJECT_KEYS };

/** A document of as many keys as one may have, all removed. */
function oldDocument(): Target {
  const rounds = Math.ceil((MAX_LIFETIME_KEYS - 10) / KEYS.most);
  const updates = range(rounds, (round) => {
    const count = Math.min(KEYS.most, MAX_LIFETIME_KEYS - 10 - round * KEYS.most);
    return updateOf(
      votes(count, () => undefined, `${round}/`.replace("/", "-")),
      100 + round,
    );
  });
  return targetWith(updates);
}

export function heavyCorpus(): Heavy[] {
  const [target] = TARGETS as [Target];
  const old = oldDocument();
  const on = (where: Target, what: string, structs: Struct[], client = EVE) => ({
    what,
    target: where,
    bytes: updateOf(structs, client),
  });
  const full = votes(KEYS.ofARow, (n) => n);
  const removals = votes(KEYS.most, () => undefined);
  return [
    ...Object.entries(VALUES).map(([what, value]) => on(target, what, [write("data", value())])),
    on(target, "as many keys as a row has", full),
    on(target, "as many keys as pass", removals),
    on(
      target,
      "as many keys as pass, and more than a row has",
      votes(KEYS.most, (n) => n),
    ),
    on(targetWith([updateOf(removals)]), "keys as others write them", removals, EVES_NEXT),
    on(
      targetWith([updateOf(full)]),
      "the removal of all keys",
      votes(KEYS.ofARow, () => undefined),
      EVES_NEXT,
    ),
    on(
      target,
      "long keys",
      votes(KEYS.ofARow, (n) => n, "x".repeat(900)),
    ),
    on(
      target,
      "longer keys",
      votes(290, (n) => n, "x".repeat(4_000)),
    ),
    on(
      target,
      "keys that are escaped",
      votes(KEYS.ofARow, (n) => n, "~1".repeat(75)),
    ),
    on(
      target,
      "keys of nothing but escapes",
      votes(290, (n) => n, "~1".repeat(2_000)),
    ),
    on(
      target,
      "deep paths",
      votes(290, (n) => n, "a/".repeat(2_000)),
    ),
    on(
      target,
      "one field as often as it can be",
      range(KEYS.most, () => write("title", "x")),
    ),
    on(
      target,
      "one field fifty thousand times",
      range(50_000, () => write("title", "x")),
    ),
    on(
      target,
      "fifty thousand keys",
      range(50_000, (n) => write(`votes/${n}`, n)),
    ),
    on(
      target,
      "two megabytes of keys",
      range(80_000, (n) => write(`votes/${n}`, n)),
    ),
    on(old, "a write to a document of very many keys", [write("title", "x")]),
    on(old, "the removal of a record in it", [write("votes", undefined)]),
    on(old, "as many keys of it as pass", removalsOfOld(), EVES_NEXT),
    { what: "as many deletions as pass", target, bytes: manyDeletions() },
  ];
}

function removalsOfOld(): Struct[] {
  return votes(KEYS.most, () => undefined, "0-");
}

function manyDeletions(): Uint8Array {
  const ranges = range(KEYS.most, (n) => ({ clock: 2 * n, length: 1 }));
  const sections = [{ client: EVE, clock: 0, structs: [write("title", "x")] }];
  return encodeStructure({ sections, deletions: [{ client: 5, ranges }] });
}
