import { componentsGeneric, defineSchema, defineTable, mutationGeneric } from "convex/server";
import { v, type Value } from "convex/values";
import { defineFields } from "convex-replicate/fields";
import { Replicate, replicatedTable, type CompactionOptions } from "convex-replicate/server";
import { register } from "convex-replicate/test";
import { createEngine, type Engine, type EngineOptions } from "../../dev/backend/engine/engine.js";
import { inlineApp } from "../../dev/backend/engine/inline-app.js";
import type { ComponentApi } from "../../src/component/_generated/component.js";
import { compileFields } from "../../src/shared/compiled-fields.js";
import { flatten, type RowFields } from "../../src/shared/operations.js";
import { FIELDS_PART, loadPart, mintUpdate } from "../../src/shared/plain-part.js";
import { toArrayBuffer } from "../../src/shared/values.js";
import type { Change, PushResult } from "../../src/shared/wire.js";

export const fields = defineFields({ title: v.string(), notes: v.string(), done: v.boolean() });
const { tree } = compileFields(fields);

/** A row as an app might have it: about 300 bytes. */
export const ROW = { title: "Buy milk and bread", notes: "As always. ".repeat(20), done: false };

type Args = Record<string, Value>;

/** The real functions of a replicated table on the engine, and what they are compared with. */
export async function startWorld(compaction: CompactionOptions = {}, options: EngineOptions = {}) {
  const component = componentsGeneric()["replicate"] as unknown as ComponentApi;
  const tasks = new Replicate(component, "tasks", { fields, compaction });
  const schema = defineSchema({
    tasks: replicatedTable(fields),
    counters: defineTable({ last: v.number() }),
    numbered: defineTable({ number: v.number(), document: v.string() }),
  });
  const compact = mutationGeneric({
    args: { documents: v.array(v.string()), entries: v.number(), minAgeMs: v.number() },
    handler: (ctx, { documents, entries, minAgeMs }) =>
      ctx.runMutation(component.compaction.compact, {
        collection: "tasks",
        part: FIELDS_PART,
        documents,
        thresholds: { entries, bytes: 64 * 1024, minAgeMs },
      }),
  });
  const sweep = mutationGeneric({
    args: {},
    handler: (ctx) => ctx.runMutation(component.maintenance.run, { sweep: "compaction" }),
  });
  const prune = mutationGeneric({
    args: {},
    handler: async (ctx) => {
      const pruning = { everyHours: 1, retentionDays: 1 / 48 };
      await ctx.runMutation(component.maintenance.configure, { pruning });
      await ctx.runMutation(component.maintenance.run, { sweep: "pruning" });
    },
  });
  const fold = mutationGeneric({
    args: {},
    handler: (ctx) => ctx.runMutation(component.statistics.fold, {}),
  });
  const verify = mutationGeneric({
    args: {},
    handler: (ctx) => ctx.runMutation(component.statistics.verify, { collection: "tasks" }),
  });
  const app = inlineApp({
    schema,
    modules: {
      tasks: { ...tasks.functions(), compact, sweep, prune, fold, verify },
      numbered: { append },
    },
  });
  const engine = await createEngine({ ...app, register: (t) => register(t) }, options);
  await engine.open(null);
  return new World(engine);
}

/** A log as many have it: every write takes the next number of one counter. */
const append = mutationGeneric({
  args: { document: v.string() },
  handler: async ({ db }, { document }) => {
    const counter = await db.query("counters").first();
    const number = ((counter?.["last"] as number | undefined) ?? 0) + 1;
    if (counter) await db.patch("counters", counter._id, { last: number });
    else await db.insert("counters", { last: number });
    await db.insert("numbered", { number, document });
  },
});

export class World {
  constructor(readonly engine: Engine) {}

  async run(path: string, args: Args): Promise<Value> {
    const { outcome } = await this.engine.runMutation({ path, args, identity: null });
    if (outcome.type === "error") throw new Error(`${path}: ${outcome.message}`);
    return outcome.value;
  }

  /** Applies changes in one push, all of which have to be accepted. */
  async push(writer: Writer, ...changes: Change[]): Promise<void> {
    const args = { sender: writer.sender, changes: changes as unknown as Value };
    const answers = (await this.run("tasks:push", args)) as unknown as PushResult;
    for (const { document, result } of answers) {
      if (result.status !== "accepted") throw new Error(JSON.stringify(result));
      writer.accepted(document, result.generation);
    }
  }

  async query(path: string, args: Args): Promise<Value> {
    const call = { path, args, identity: null };
    const { outcome } = await this.engine.snapshot((snapshot) => snapshot.runQuery(call, null));
    if (outcome.type === "error") throw new Error(outcome.message);
    return outcome.value;
  }

  async page(cursor: string | null) {
    return (await this.query("tasks:stream", { cursor, rows: true })) as unknown as {
      entries: { document: string; bytes: ArrayBuffer }[];
      cursor: string;
      done: boolean;
    };
  }

  /** How many entries the log has, and how many bytes of updates. */
  async logSize() {
    let entries = 0;
    let bytes = 0;
    for (let cursor: string | null = null, done = false; !done;) {
      const page = await this.page(cursor);
      ({ cursor, done } = page);
      entries += page.entries.length;
      bytes += page.entries.reduce((total, entry) => total + entry.bytes.byteLength, 0);
    }
    return { entries, bytes };
  }

  close() {
    return this.engine.close();
  }
}

/** A device that knows all it has written, and nothing else. */
export class Writer {
  readonly #docs = new Map<string, ReturnType<typeof loadPart>>();
  readonly #generations = new Map<string, number>();

  /** Each is a device of its own. */
  readonly sender;

  constructor(readonly clientId: number) {
    this.sender = { secret: `${clientId}`.padStart(32, "0"), pageIds: ["world"], identity: null };
  }

  insert(document: string, row: RowFields = ROW): Change {
    return this.#change("insert", document, flatten(row, tree));
  }

  remove(document: string): Change {
    this.#docs.delete(document);
    return { document, generation: this.#generationOf(document), op: "remove", parts: [] };
  }

  update(document: string, title: string): Change {
    return this.#change("update", document, new Map([["title", title]]));
  }

  /** What it knows of a document. */
  document(document: string) {
    return this.#docs.get(document)!;
  }

  /** Bytes of a document as it is now, without any history. */
  stateSize(document: string): number {
    const row = Object.fromEntries(this.#docs.get(document)!.getMap(FIELDS_PART).entries());
    const { title, notes, done } = row as typeof ROW;
    const fresh = mintUpdate(loadPart([]), flatten({ title, notes, done }, tree), this.clientId)!;
    return fresh.byteLength;
  }

  #change(op: "insert" | "update", document: string, operations: ReadonlyMap<string, Value>) {
    const doc = this.#docs.get(document) ?? loadPart([]);
    this.#docs.set(document, doc);
    const update = mintUpdate(doc, new Map(operations), this.clientId)!;
    const parts = [{ part: FIELDS_PART, update: toArrayBuffer(update) }];
    return { document, generation: this.#generationOf(document), op, parts } satisfies Change;
  }

  /** The server says which generation of the document a change went into. */
  accepted(document: string, generation: number) {
    this.#generations.set(document, generation);
  }

  #generationOf(document: string): number {
    return this.#generations.get(document) ?? 1;
  }
}
