import {
  defineSchema,
  defineTable,
  type GenericSchema,
  type SchemaDefinition,
  type TableDefinition,
} from "convex/server";
import { v, type GenericValidator, type Value } from "convex/values";
import type { Operand } from "./program.js";
import type { Random } from "./random.js";

export interface TableSpec {
  name: string;
  where: "app" | "component";
  fields: FieldSpec[];
  indexes: { name: string; fields: string[] }[];
}

export interface FieldSpec {
  name: string;
  kind: Kind;
  isOptional: boolean;
}

/** A type of field: its validator, some of its values (few, so that they meet), paths to index. */
export interface Kind {
  validator: (tables: readonly string[]) => GenericValidator;
  operand: (random: Random) => Operand;
  paths: (field: string) => string[];
}

const NUMBERS = [0, -0, 1, -1, 1.5, NaN, Infinity, -Infinity, 2 ** 53, 1e-7];
const STRINGS = ["", "a", "b", "ab", "a\0b", "\x01", "é", "z", "\uffff", "😀"];
const INTEGERS = [0n, 1n, -1n, 5n, 2n ** 63n - 1n, -(2n ** 63n)];
const BYTES = [[], [0], [1], [1, 2], [255], [0, 0, 0]].map((bytes) => new Uint8Array(bytes).buffer);
const COLOURS = ["red", "green", "blue"];
const ARRAYS: Value[] = [[], [1], [1, 2], ["a"], [2], ["a", 1], [-0]];
const ANYTHING: Value[] = [
  null,
  true,
  false,
  ...NUMBERS.slice(0, 4),
  ...INTEGERS.slice(0, 3),
  ...STRINGS.slice(0, 4),
  ...BYTES.slice(0, 3),
  ...ARRAYS.slice(0, 4),
  {},
  { x: 1 },
  { x: 1, y: [{ z: null }] },
  { a: { b: { c: [1n, NaN, -0] } } },
];

const itself = (field: string) => [field];
const oneOf = (values: readonly Value[]) => (random: Random) =>
  ["value", random.pick(values)] satisfies Operand;

function record(random: Random): Operand {
  const names = random.shuffled(["k", "l", "m"]).slice(0, random.int(4));
  return ["value", Object.fromEntries(names.map((name) => [name, random.pick(NUMBERS)]))];
}

function nested(random: Random): Operand {
  const x = random.pick(NUMBERS);
  return ["value", random.chance(0.5) ? { x } : { x, y: random.pick(STRINGS) }];
}

const KINDS: Kind[] = [
  { validator: () => v.number(), operand: oneOf(NUMBERS), paths: itself },
  { validator: () => v.int64(), operand: oneOf(INTEGERS), paths: itself },
  { validator: () => v.string(), operand: oneOf(STRINGS), paths: itself },
  { validator: () => v.bytes(), operand: oneOf(BYTES), paths: itself },
  { validator: () => v.boolean(), operand: oneOf([true, false]), paths: itself },
  {
    validator: () => v.union(v.null(), v.number()),
    operand: oneOf([null, ...NUMBERS]),
    paths: itself,
  },
  {
    validator: () => v.union(...COLOURS.map((colour) => v.literal(colour))),
    operand: oneOf(COLOURS),
    paths: itself,
  },
  {
    validator: () => v.array(v.union(v.number(), v.string())),
    operand: oneOf(ARRAYS),
    paths: itself,
  },
  {
    validator: () => v.object({ x: v.number(), y: v.optional(v.string()) }),
    operand: nested,
    paths: (field) => [field, `${field}.x`, `${field}.y`],
  },
  { validator: () => v.any(), operand: oneOf(ANYTHING), paths: (field) => [field, `${field}.x`] },
  {
    validator: () => v.commitTs(),
    operand: (random) => (random.chance(0.7) ? ["commitTs"] : ["ts", random.int(1000)]),
    paths: itself,
  },
];

/** convex-test accepts anything in place of a record: its fields get nothing but records. */
export const RECORD: Kind = {
  validator: () => v.record(v.string(), v.number()),
  operand: record,
  paths: itself,
};

/** Ids differ between runtimes, and so would their order: never indexed. */
const ID: Kind = {
  validator: (tables) => v.union(...tables.map((table) => v.id(table))),
  operand: (random) => ["id", random.int(1000)],
  paths: () => [],
};

/** Small whole numbers: what arithmetic, inequalities in filters and tallies work on. */
const COUNT: Kind = {
  validator: () => v.number(),
  operand: (random) => ["value", random.int(6)],
  paths: itself,
};

export function randomValue(random: Random): Operand {
  return random.pick(KINDS).operand(random);
}

/** In every app, so that there is an id from the start. */
export const SCRATCH = "scratch";

/** An app and its component name theirs differently: convex-test's ids are told apart by that. */
export function randomTables(random: Random, where: TableSpec["where"]): TableSpec[] {
  return random.list(2, (i) => {
    const fields = random.list(1 + random.int(4), (f): FieldSpec => {
      const kind = random.pick([...KINDS, RECORD, ID]);
      const name = kind === RECORD ? `record${f}` : `f${f}`;
      return { name, kind, isOptional: random.chance(0.3) };
    });
    const all = [{ name: "n", kind: COUNT, isOptional: false }, ...fields];
    const paths = all.flatMap(({ name, kind }) => kind.paths(name));
    const indexes = random.list(1 + random.int(3), (x) => ({
      name: `by_${x}`,
      fields: random.shuffled(paths).slice(0, 1 + random.int(3)),
    }));
    return { name: `${where}${i}`, where, fields: all, indexes: withoutDuplicates(indexes) };
  });
}

export function toSchema(tables: readonly TableSpec[]): SchemaDefinition<GenericSchema, boolean> {
  const names = tables.map(({ name }) => name);
  const definitions = tables.map(({ name, fields, indexes }) => {
    const validators = fields.map(({ name: field, kind, isOptional }) => {
      const validator = kind.validator(names) as ReturnType<typeof v.any>;
      return [field, isOptional ? v.optional(validator) : validator] as const;
    });
    let table: TableDefinition = defineTable(Object.fromEntries(validators));
    for (const index of indexes) {
      table = table.index(index.name, index.fields as [string, ...string[]]) as TableDefinition;
    }
    return [name, table] as const;
  });
  const scratch = defineTable({ n: v.number() });
  return defineSchema({ ...Object.fromEntries(definitions), [SCRATCH]: scratch });
}

function withoutDuplicates(indexes: TableSpec["indexes"]): TableSpec["indexes"] {
  const seen = new Set<string>();
  return indexes.filter(({ fields }) => {
    const key = fields.join();
    return !seen.has(key) && seen.add(key);
  });
}
