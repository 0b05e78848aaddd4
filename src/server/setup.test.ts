import { convexTest, type TestConvexForDataModel } from "convex-test";
import {
  anyApi,
  componentsGeneric,
  defineSchema,
  defineTable,
  type ApiFromModules,
  type DataModelFromSchemaDefinition,
} from "convex/server";
import { v } from "convex/values";
import { expect, it } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { compileFields } from "../shared/compiled-fields.js";
import { defineFields, type Row } from "../shared/fields.js";
import { difference, flatten, type RowFields } from "../shared/operations.js";
import { FIELDS_PART, loadPart, mintUpdate, readFlat, renderRow } from "../shared/plain-part.js";
import { EMPTY_STATE_VECTOR } from "../shared/state-vector.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Change, Held, Result, Sender, StreamEntry, StreamPage } from "../shared/wire.js";
import { register } from "../test.js";
import { Replicate, replicatedTable, type CompactionOptions, type Hooks } from "./index.js";

export const taskFields = defineFields({
  title: v.string(),
  done: v.optional(v.boolean()),
  details: v.optional(v.object({ due: v.optional(v.string()), notes: v.optional(v.string()) })),
  votes: v.optional(v.record(v.string(), v.number())),
  data: v.optional(v.any()),
});
export type Task = Row<typeof taskFields>;
export const { tree, hash } = compileFields(taskFields);

/** The app's table has a column more than what is replicated. */
export const schema = defineSchema({
  tasks: replicatedTable({ ...taskFields, secret: v.optional(v.string()) }),
  audit: defineTable({ line: v.string() }),
});
export type AppModel = DataModelFromSchemaDefinition<typeof schema>;
export type TaskHooks = Hooks<typeof taskFields, AppModel>;
export type TaskOptions = TaskHooks & { compaction?: CompactionOptions; history?: boolean };

function tasksModule(options: TaskOptions) {
  const component = componentsGeneric()["replicate"] as unknown as ComponentApi;
  return new Replicate(component, "tasks", { fields: taskFields, ...options }).functions();
}
export const api = anyApi as unknown as ApiFromModules<{
  tasks: ReturnType<typeof tasksModule>;
}>;

export type App = TestConvexForDataModel<AppModel>;

/**
 * An app that replicates tasks, under Convex's transaction limits.
 *
 * @param others What `otherTasks` does with the same table: modules are loaded once, as a deployment's are.
 */
export function newApp(options: TaskOptions = {}, others = options): App {
  const t = convexTest({
    schema,
    modules: {
      "./_generated/api.ts": () => Promise.resolve({}),
      "./tasks.ts": () => Promise.resolve(tasksModule(options)),
      "./otherTasks.ts": () => Promise.resolve(tasksModule(others)),
    },
    transactionLimits: true,
  });
  register(t as unknown as Parameters<typeof register>[0]);
  return t;
}

/** One device that may push under any id, as long as nobody else does. */
export const sender: Sender = { secret: "0".repeat(32), pageIds: ["page"], identity: null };

/** Another device, told apart by a digit. */
export const senderOf = (digit: string, rest: Partial<Sender> = {}): Sender => ({
  ...sender,
  secret: digit.repeat(32),
  ...rest,
});

export const push = (app: App, ...changes: Change[]): Promise<Result[]> =>
  pushFrom(app, sender, ...changes);

export async function pushFrom(
  app: Pick<App, "mutation">,
  sender: Sender,
  ...changes: Change[]
): Promise<Result[]> {
  const answers = await app.mutation(api.tasks.push, { sender, changes });
  expect(answers.map((one) => one.document)).toEqual(changes.map((one) => one.document));
  return answers.map((one) => one.result);
}

/** The app's row of a document as the app sees it, private and system columns included. */
export const stored = (app: App, id: string) =>
  app.run((ctx) =>
    ctx.db
      .query("tasks")
      .withIndex("by_doc_id", (q) => q.eq("id", id))
      .unique(),
  );

/** The same, as the rows that clients see. */
export async function storedRow(app: App, id: string): Promise<RowFields | null> {
  const row = await stored(app, id);
  if (row === null) return null;
  return Object.fromEntries(
    Object.keys(taskFields).flatMap((name) => {
      const value = (row as unknown as RowFields)[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

export async function streamAll(app: App, rows = false) {
  const entries: (StreamEntry & { bytes: ArrayBuffer })[] = [];
  let page: StreamPage = {
    entries: [],
    cursor: null,
    done: false,
    progress: 0,
    reset: null,
    identity: null,
  };
  while (!page.done) {
    page = await app.query(api.tasks.stream, { cursor: page.cursor, rows });
    for (const { bytes, ...entry } of page.entries) entries.push({ ...entry, bytes: bytes! });
  }
  return entries;
}

/** What someone has of a document who knows nothing of it. */
export const nothingOf = (document: string): Held => ({
  document,
  generation: 0,
  stateVector: toArrayBuffer(EMPTY_STATE_VECTOR),
});

type Known = { generation: number; live: boolean; updates: Uint8Array[] };

/** A client without a network of its own: makes changes on what it knows, learns by `pull`. */
export class Device {
  readonly #known = new Map<string, Known>();

  constructor(readonly clientId: number) {}

  async pull(app: App): Promise<void> {
    this.#known.clear();
    for (const { document, kind, generation, bytes } of await streamAll(app)) {
      const before = this.#known.get(document);
      const updates = before?.live && before.generation === generation ? before.updates : [];
      const live = kind === "update";
      if (live) updates.push(new Uint8Array(bytes));
      this.#known.set(document, { generation, live, updates });
    }
  }

  /** What this device shows of a document. */
  row(id: string): RowFields | null {
    const known = this.#known.get(id);
    return known?.live ? renderRow(loadPart(known.updates), tree) : null;
  }

  insert(id: string, row: RowFields): Change {
    const { generation } = this.#known.get(id) ?? { generation: 0 };
    this.#known.set(id, { generation: generation + 1, live: true, updates: [] });
    return this.#change("insert", id, row);
  }

  /** Sets the fields in `patch`; `undefined` removes one. */
  update(id: string, patch: { [name: string]: RowFields[string] | undefined }): Change {
    return this.#change("update", id, { ...this.row(id), ...patch } as RowFields);
  }

  remove(id: string): Change {
    const known = this.#known.get(id)!;
    known.live = false;
    return { document: id, generation: known.generation, op: "remove", parts: [] };
  }

  #change(op: "insert" | "update", id: string, row: RowFields): Change {
    const known = this.#known.get(id)!;
    const doc = loadPart(known.updates);
    const edits = difference(readFlat(doc), flatten(row, tree));
    const update = mintUpdate(doc, edits, this.clientId)!;
    known.updates.push(update);
    return changeOf(op, id, update, known.generation);
  }
}

export function changeOf(op: "insert" | "update", id: string, update: Uint8Array, generation = 1) {
  const parts = [{ part: FIELDS_PART, update: toArrayBuffer(update) }];
  return { document: id, generation, op, parts } satisfies Change;
}

export const accepted = expect.objectContaining({ status: "accepted" }) as Result;
export const unchanged = expect.objectContaining({ status: "accepted", ts: null }) as Result;
export const removed = expect.objectContaining({ status: "removed" }) as Result;
export const rejected = (code: string) =>
  expect.objectContaining({ status: "rejected", code }) as Result;

/** Table, log and a device that starts from nothing must agree on a document. */
export async function expectEverywhere(app: App, id: string, row: RowFields | null) {
  const newcomer = new Device(99);
  await newcomer.pull(app);
  expect({ table: await storedRow(app, id), log: newcomer.row(id) }).toEqual({
    table: row,
    log: row,
  });
}

/** An app with one document, and two devices that know it. */
export async function sharedTask(ids: [number, number], row: RowFields, hooks: TaskHooks = {}) {
  const app = newApp(hooks);
  await push(app, new Device(50).insert("a", row));
  const devices = ids.map((id) => new Device(id)) as [Device, Device];
  for (const device of devices) await device.pull(app);
  return { app, devices };
}

it("replicates a document through table and log", async () => {
  const app = newApp();
  const [result] = await push(app, new Device(7).insert("a", { title: "t" }));
  expect(result).toEqual({ status: "accepted", generation: 1, ts: expect.any(BigInt) as bigint });
  await expectEverywhere(app, "a", { title: "t" });
});
