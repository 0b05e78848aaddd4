import {
  componentsGeneric,
  makeFunctionReference,
  type Expression,
  type FilterBuilder,
  type FunctionReference,
  type GenericMutationCtx,
  type GenericTableInfo,
  type IndexRange as ConvexRange,
  type OrderedQuery,
} from "convex/server";
import { ConvexError, type GenericId, type Value } from "convex/values";
import type {
  Call,
  Change,
  End,
  Fields,
  Filter,
  IndexRange,
  Operand,
  Query,
  Step,
} from "./program.js";

/** Fields may be `undefined`, which Convex takes for "none". */
type AnyDocument = Record<string, Value>;
type AnyTable = GenericTableInfo & { document: AnyDocument };
type Context = GenericMutationCtx<Record<string, AnyTable>>;
type Found = AnyDocument & { _id: GenericId<string> };
type Reference = FunctionReference<"query" | "mutation", "public" | "internal">;

const inner = componentsGeneric().inner as unknown as {
  programs: Record<Call["kind"], Reference>;
};

/** Runs one function's steps, and says what came of each. */
export class Interpreter {
  #ctx: Context;
  #passed: Value | undefined;
  #inserted: GenericId<string>[] = [];
  #tally = 0;

  constructor(ctx: unknown, passed: Value | undefined) {
    this.#ctx = ctx as Context;
    this.#passed = passed;
  }

  async run(steps: readonly Step[]): Promise<Value[]> {
    const results: Value[] = [];
    for (const step of steps) results.push((await this.#step(step)) ?? null);
    return results;
  }

  async #step(step: Step): Promise<Value | void> {
    const { db } = this.#ctx;
    switch (step.do) {
      case "insert": {
        const id = await db.insert(step.table, this.#fields(step.fields));
        this.#inserted.push(id);
        return id;
      }
      case "patch":
      case "replace":
        return this.#change(step.do, step.table, this.#id(step.id), this.#fields(step.fields));
      case "delete":
        return step.table === undefined
          ? db.delete(this.#id(step.id))
          : db.delete(step.table, this.#id(step.id));
      case "get":
        return this.#read(
          step.table === undefined
            ? await db.get(this.#id(step.id))
            : await db.get(step.table, this.#id(step.id)),
        );
      case "normalizeId":
        return db.normalizeId(step.table, this.#id(step.id));
      case "find":
        return this.#find(this.#query(step.query), step.end, step.then);
      case "page": {
        const { numItems, cursor } = step;
        const page = await this.#query(step.query).paginate({ numItems, cursor });
        for (const document of page.page) this.#read(document as Found);
        return page as unknown as Value;
      }
      case "call":
        return this.#call(step);
      case "try":
        return this.#try(step.step);
      case "throw":
        if (step.data === undefined) throw new Error(step.message);
        throw new ConvexError(step.data);
      case "commitTs":
        return commitTs(this.#ctx);
    }
  }

  async #find(query: OrderedQuery<AnyTable>, end: End, then: Change | undefined): Promise<Value> {
    const found = (await finish(query, end)) as Found | Found[] | null;
    const documents = Array.isArray(found) ? found : found === null ? [] : [found];
    for (const document of documents) this.#read(document);
    if (then === undefined) return found as Value;
    for (const { _id } of documents) {
      if (then === "delete") await this.#ctx.db.delete(_id);
      else if ("patch" in then) {
        await this.#change("patch", undefined, _id, this.#fields(then.patch));
      } else await this.#change("replace", undefined, _id, this.#fields(then.replace));
    }
    return documents.length;
  }

  async #change(
    how: "patch" | "replace",
    table: string | undefined,
    id: GenericId<string>,
    fields: AnyDocument,
  ): Promise<void> {
    const { db } = this.#ctx;
    const target = (table === undefined ? [id] : [table, id]) as [string, GenericId<string>];
    if (how === "patch") await db.patch(...target, fields);
    else await db.replace(...target, fields);
  }

  async #call({ kind, target, isStale, steps, pass }: Call): Promise<Value> {
    const passed = pass && this.#operand(pass);
    const args = { steps, ...(passed !== undefined && { passed }) };
    const own = makeFunctionReference(`programs:${kind}`) as Reference;
    const called = target === "own" ? own : inner.programs[kind];
    if (kind === "mutation") {
      return this.#ctx.runMutation(called as FunctionReference<"mutation">, args);
    }
    const query = called as FunctionReference<"query">;
    return isStale
      ? this.#ctx.runQuery(query, args, { useStaleSnapshot: true })
      : this.#ctx.runQuery(query, args);
  }

  async #try(step: Step): Promise<Value> {
    try {
      return { value: (await this.#step(step)) ?? null };
    } catch (thrown) {
      const { message, data } = thrown as { message: string; data?: Value };
      return data === undefined ? { caught: message } : { caughtData: data };
    }
  }

  #query({ table, index, order, filter }: Query): OrderedQuery<AnyTable> {
    const all = this.#ctx.db.query(table);
    const ranged =
      index === undefined ? all : all.withIndex(index.name, (q) => this.#range(q, index));
    const ordered = order === undefined ? ranged : ranged.order(order);
    return filter === undefined ? ordered : ordered.filter((q) => this.#filter(q, filter));
  }

  #range(start: unknown, { equal, lower, upper }: IndexRange): ConvexRange {
    // Which fields may follow which is for the backend to say.
    type Bound = (field: string, value: Value | undefined) => Record<string, Bound>;
    let q = start as Record<string, Bound>;
    for (const [field, value] of equal) q = q.eq!(field, this.#operand(value));
    for (const bound of [lower, upper]) {
      if (bound !== undefined) q = q[bound[0]]!(bound[1], this.#operand(bound[2]));
    }
    return q as unknown as ConvexRange;
  }

  #filter(q: FilterBuilder<AnyTable>, filter: Filter): Expression<boolean> {
    if ("not" in filter) return q.not(this.#filter(q, filter.not));
    if ("both" in filter) return q.and(...filter.both.map((part) => this.#filter(q, part)));
    if ("either" in filter) return q.or(...filter.either.map((part) => this.#filter(q, part)));
    const { compare, field, value, plus } = filter;
    const stored = q.field(field) as Expression<number>;
    const left = plus === undefined ? stored : q.add(stored, plus);
    const compared = q[compare] as (l: Expression<number>, r: number) => Expression<boolean>;
    return compared(left, this.#operand(value) as number);
  }

  #fields(fields: Fields): AnyDocument {
    return Object.fromEntries(
      Object.entries(fields).map(([name, operand]) => [name, this.#operand(operand)]),
    ) as AnyDocument;
  }

  #id(operand: Operand): GenericId<string> {
    return this.#operand(operand) as GenericId<string>;
  }

  #operand(operand: Operand): Value | undefined {
    switch (operand[0]) {
      case "value":
        return operand[1];
      case "undefined":
        return undefined;
      case "commitTs":
        return commitTs(this.#ctx);
      case "inserted": {
        const id = this.#inserted[operand[1]];
        if (id === undefined) throw new Error("Nothing has been inserted yet.");
        return id;
      }
      case "passed":
        if (this.#passed === undefined) throw new Error("Nothing was passed on.");
        return this.#passed;
      case "tally":
        return this.#tally;
      case "id":
      case "ts":
        throw new Error("The harness fills these in.");
    }
  }

  #read<Document extends AnyDocument | null>(document: Document): Value {
    const n = document?.n;
    if (typeof n === "number") this.#tally += n + 1;
    return document as Value;
  }
}

async function finish(query: OrderedQuery<AnyTable>, end: End): Promise<unknown> {
  if (end === "collect") return query.collect();
  if (end === "first") return query.first();
  if (end === "unique") return query.unique();
  if ("take" in end) return query.take(end.take);
  const found: unknown[] = [];
  for await (const document of query) {
    if (found.push(document) >= end.breakAfter) break;
  }
  return found;
}

function commitTs(ctx: Context): Value {
  return ctx.db.vars.commitTs as unknown as Value;
}
