import type {
  Call,
  Change,
  End,
  Fields,
  Filter,
  IndexRange,
  Operand,
  Program,
  Query,
  Step,
} from "./program.js";
import type { Random } from "./random.js";
import { RECORD, randomValue, type Kind, type TableSpec } from "./schemas.js";

type Where = TableSpec["where"];

const MAX_STEPS = 5;
const MAX_DEPTH = 3;

/** How often a program does what should be refused. */
const WRONG = 0.04;

/** Makes random programs that fit an app's tables, mostly. */
export class Generator {
  #random: Random;
  #tables: Record<Where, readonly TableSpec[]>;

  constructor(random: Random, tables: Record<Where, readonly TableSpec[]>) {
    this.#random = random;
    this.#tables = tables;
  }

  program(): Program {
    const kind = this.#random.chance(0.8) ? "mutation" : "query";
    return { kind, steps: this.#steps(kind, "app", 0) };
  }

  #steps(kind: Call["kind"], where: Where, depth: number): Step[] {
    const random = this.#random;
    const steps = random.list(1 + random.int(MAX_STEPS), () => this.#step(kind, where, depth));
    // What a mutation that writes nothing returns as its timestamp is not the same everywhere.
    const writes = kind === "mutation" && steps.some((step) => step.do === "insert");
    return writes && random.chance(0.2) ? [...steps, { do: "commitTs" }] : steps;
  }

  #step(kind: Call["kind"], where: Where, depth: number): Step {
    const random = this.#random;
    const step = this.#freeStep(kind, where, depth);
    // Ids may be of any table.
    const isRisky = step.do === "call" || "id" in step;
    return random.chance(isRisky ? 0.7 : 0.1) ? { do: "try", step } : step;
  }

  #freeStep(kind: Call["kind"], where: Where, depth: number): Step {
    const random = this.#random;
    if (random.chance(0.02)) return this.#throw();
    if (random.chance(0.15) && depth < MAX_DEPTH) return this.#call(kind, where, depth);
    const canWrite = kind === "mutation" || random.chance(WRONG / 2);
    return canWrite && random.chance(0.6) ? this.#write(where) : this.#read(where);
  }

  #write(where: Where): Step {
    const random = this.#random;
    const table = this.#table(where);
    const { name } = table;
    const choice = random.int(10);
    if (choice < 5) return { do: "insert", table: name, fields: this.#document(table) };
    if (choice < 7) {
      const then = this.#change(table);
      return { do: "find", query: this.#query(table), end: this.#end(), then };
    }
    const target = { id: this.#id(where), ...(random.chance(0.2) && { table: name }) };
    if (choice === 7) {
      // The id may be of any table: convex-test refuses to take a field away that was never there.
      const fields = Object.entries(this.#patch(table)).filter(
        ([, [kind]]) => kind !== "undefined",
      );
      return { do: "patch", ...target, fields: Object.fromEntries(fields) };
    }
    if (choice === 8) return { do: "replace", ...target, fields: this.#document(table) };
    return { do: "delete", ...target };
  }

  #read(where: Where): Step {
    const random = this.#random;
    const table = this.#table(where);
    const choice = random.int(10);
    if (choice < 2) {
      return { do: "get", id: this.#id(where), ...(random.chance(0.3) && { table: table.name }) };
    }
    if (choice === 2) return { do: "normalizeId", table: table.name, id: this.#id(where) };
    const query = this.#query(table);
    // Pagination does not work in components.
    if (choice < 5 && where === "app") {
      return { do: "page", query, numItems: 1 + random.int(4), cursor: null };
    }
    return { do: "find", query, end: this.#end() };
  }

  #call(kind: Call["kind"], from: Where, depth: number): Step {
    const random = this.#random;
    const called = kind === "mutation" && random.chance(0.6) ? "mutation" : "query";
    const target = from === "app" && random.chance(0.5) ? "inner" : "own";
    const where = target === "inner" ? "component" : from;
    return {
      do: "call",
      kind: called,
      target,
      isStale: kind === "mutation" && called === "query" && random.chance(0.2),
      steps: this.#steps(called, where, depth + 1),
      ...(kind === "mutation" && random.chance(0.3) && { pass: ["commitTs"] as Operand }),
    };
  }

  #throw(): Step {
    const message = this.#random.pick(["enough", "no"]);
    if (this.#random.chance(0.5)) return { do: "throw", message };
    return { do: "throw", message, data: { code: message, parts: [1, "two", null] } };
  }

  #query(table: TableSpec): Query {
    const random = this.#random;
    return {
      table: table.name,
      ...(random.chance(0.7) && { index: this.#range(table) }),
      ...(random.chance(0.6) && { order: random.pick(["asc", "desc"] as const) }),
      ...(random.chance(0.3) && { filter: this.#filter(table, 0) }),
    };
  }

  #range(table: TableSpec): IndexRange {
    const random = this.#random;
    const { name, fields } = random.pick(table.indexes);
    const used = random.chance(WRONG) ? random.shuffled(fields) : fields;
    const equalCount = random.int(used.length + 1);
    const equal = used
      .slice(0, equalCount)
      .map((field): [string, Operand] => [field, this.#valueAt(table, field)]);
    const next = used[equalCount];
    const range: IndexRange = { name, equal };
    if (next === undefined) return range;
    if (random.chance(0.5)) {
      range.lower = [random.pick(["gt", "gte"] as const), next, this.#valueAt(table, next)];
    }
    if (random.chance(0.5)) {
      const field = random.chance(WRONG) ? random.pick(fields) : next;
      range.upper = [random.pick(["lt", "lte"] as const), field, this.#valueAt(table, next)];
    }
    return range;
  }

  #filter(table: TableSpec, depth: number): Filter {
    const random = this.#random;
    if (depth < 2 && random.chance(0.4)) {
      const part = () => this.#filter(table, depth + 1);
      const choice = random.int(3);
      if (choice === 0) return { not: part() };
      return choice === 1 ? { both: [part(), part()] } : { either: [part(), part()] };
    }
    // convex-test compares with JavaScript's operators, Convex by its order of values: both agree
    // on small numbers only.
    if (random.chance(0.5)) {
      const compare = random.pick(["lt", "lte", "gt", "gte", "eq", "neq"] as const);
      const plus = random.chance(0.3) ? { plus: random.int(3) } : {};
      return { compare, field: "n", value: ["value", random.int(6)], ...plus };
    }
    const { name, kind } = random.pick(table.fields);
    const field = random.pick([name, ...kind.paths(name)]);
    return {
      compare: random.pick(["eq", "neq"] as const),
      field,
      value: this.#valueAt(table, field),
    };
  }

  #end(): End {
    const random = this.#random;
    return random.pick<End>([
      "collect",
      "collect",
      "first",
      "unique",
      { take: random.int(4) },
      { breakAfter: 1 + random.int(3) },
    ]);
  }

  #change(table: TableSpec): Change {
    const choice = this.#random.int(4);
    if (choice === 0) return "delete";
    return choice === 1 ? { replace: this.#document(table) } : { patch: this.#patch(table) };
  }

  #document(table: TableSpec): Fields {
    const random = this.#random;
    const fields: Fields = {};
    for (const { name, kind, isOptional } of random.shuffled(table.fields)) {
      if ((isOptional && random.chance(0.4)) || random.chance(WRONG / 4)) {
        if (random.chance(0.5)) fields[name] = ["undefined"];
        continue;
      }
      fields[name] =
        kind !== RECORD && random.chance(WRONG / 4)
          ? randomValue(random)
          : this.#field(kind, table);
    }
    if (random.chance(0.1)) fields.n = ["tally"];
    if (random.chance(WRONG / 4)) fields.surplus = ["value", 1];
    return fields;
  }

  #field(kind: Kind, { where }: TableSpec): Operand {
    const operand = kind.operand(this.#random);
    if (operand[0] === "commitTs" && this.#random.chance(0.05)) return ["passed"];
    return operand[0] === "id" ? this.#id(where) : operand;
  }

  #patch(table: TableSpec): Fields {
    const entries = Object.entries(this.#document(table));
    const some = entries.filter(() => this.#random.chance(0.5));
    return Object.fromEntries(
      some.map(([name, operand]) => {
        const field = table.fields.find((candidate) => candidate.name === name);
        const isRemoved = field?.isOptional === true && this.#random.chance(0.3);
        return [name, isRemoved ? ["undefined"] : operand];
      }),
    );
  }

  /** Only the app's ids are known to the harness. */
  #id(where: Where): Operand {
    const random = this.#random;
    const isOwn = where === "component" || random.chance(0.2);
    return isOwn ? ["inserted", random.int(2)] : ["id", random.int(1000)];
  }

  #valueAt(table: TableSpec, path: string): Operand {
    const random = this.#random;
    if (random.chance(0.1)) return random.chance(0.3) ? ["undefined"] : randomValue(random);
    const [name, ...rest] = path.split(".");
    const field = table.fields.find((candidate) => candidate.name === name);
    if (field === undefined || rest.length > 0) return randomValue(random);
    const operand = this.#field(field.kind, table);
    // Queries have no such thing.
    return operand[0] === "commitTs" && random.chance(0.7) ? ["ts", random.int(1000)] : operand;
  }

  #table(where: Where): TableSpec {
    return this.#random.pick(this.#tables[where]);
  }
}
