import type { FunctionReference } from "convex/server";
import { compileFields, type CompiledFields } from "./shared/compiled-fields.js";
import type { Fields, Row } from "./shared/fields.js";
import { difference, flatten, unflatten } from "./shared/operations.js";
import {
  FIELDS_PART,
  loadPart,
  mintChange,
  readFlat,
  SERVER_CLIENT_ID,
} from "./shared/plain-part.js";
import { EMPTY_STATE_VECTOR } from "./shared/state-vector.js";
import { toArrayBuffer } from "./shared/values.js";
import type { Change, Protocol, PushResult, Recovery, Result, Sender } from "./shared/wire.js";

/** What convex-test's `convexTest()` returns, or its `withIdentity()`. */
export interface TestCaller {
  query(query: FunctionReference<"query">, args: object): Promise<unknown>;
  mutation(mutation: FunctionReference<"mutation">, args: object): Promise<unknown>;
}

/** The functions of a `Replicate`, such as `api.tasks`. */
export interface ReplicateFunctions {
  protocol: FunctionReference<"query">;
  recover: FunctionReference<"query">;
  push: FunctionReference<"mutation">;
}

/**
 * Changes rows as the clients of an app do, for tests of its hooks. A change builds on what the
 * server has at that moment, is pushed at once, and resolves to the server's answer:
 * `{ status: "accepted", … }`, `{ status: "rejected", code, message }` or `{ status: "removed" }`.
 *
 * @example
 * ```ts
 * const ann = new TestClient(t.withIdentity({ subject: "ann" }), api.tasks, taskFields);
 * await ann.insert({ id: "a", title: "Buy milk", done: true, details: {} });
 * expect(await ann.remove("a")).toMatchObject({ status: "rejected" });
 * ```
 */
export class TestClient<F extends Fields> {
  readonly #t: TestCaller;
  readonly #api: ReplicateFunctions;
  readonly #fields: CompiledFields;
  readonly #secret = crypto.randomUUID().replaceAll("-", "");

  constructor(t: TestCaller, api: ReplicateFunctions, fields: F) {
    this.#t = t;
    this.#api = api;
    this.#fields = compileFields(fields);
  }

  /** Inserts a row as someone does who does not know whether there is one. */
  async insert(row: Row<F>): Promise<Result> {
    const { generation } = await this.#read(row.id);
    return this.#write("insert", row, generation + 1, []);
  }

  /**
   * Updates a row by changing a draft of it, as a collection's `update` does.
   *
   * @throws when there is no such row
   */
  async update(id: string, change: (draft: Row<F>) => void): Promise<Result> {
    const { generation, updates } = await this.#read(id);
    const row = unflatten(readFlat(loadPart(updates)), this.#fields.tree);
    if (row === null) throw new Error(`There is no document "${id}" to update.`);
    const draft = structuredClone({ ...row, id }) as Row<F>;
    change(draft);
    return this.#write("update", { ...draft, id }, generation, updates);
  }

  async remove(id: string): Promise<Result> {
    const { generation } = await this.#read(id);
    return this.#push({ document: id, generation, op: "remove", parts: [] });
  }

  async #read(document: string) {
    const held = { document, generation: 0, stateVector: toArrayBuffer(EMPTY_STATE_VECTOR) };
    const args = { part: FIELDS_PART, documents: [held] };
    const { documents } = (await this.#t.query(this.#api.recover, args)) as Recovery;
    const { generation, update } = documents[0]!;
    return { generation, updates: update === null ? [] : [new Uint8Array(update)] };
  }

  #write(
    op: "insert" | "update",
    row: Row<F>,
    generation: number,
    base: readonly Uint8Array[],
  ): Promise<Result> {
    const doc = loadPart(base);
    const operations = difference(readFlat(doc), flatten(row, this.#fields.tree));
    const update = mintChange(doc, operations, newClientId());
    if (update === null) throw new Error(`The change of document "${row.id}" changes nothing.`);
    const parts = [{ part: FIELDS_PART, update: toArrayBuffer(update) }];
    return this.#push({ document: row.id, generation, op, parts });
  }

  async #push(change: Change): Promise<Result> {
    const { identity } = (await this.#t.query(this.#api.protocol, {})) as Protocol;
    const sender: Sender = { secret: this.#secret, pageIds: ["test"], identity };
    const args = { sender, changes: [change] };
    const [only] = (await this.#t.mutation(this.#api.push, args)) as PushResult;
    return only!.result;
  }
}

function newClientId(): number {
  return SERVER_CLIENT_ID + 1 + crypto.getRandomValues(new Uint32Array(1))[0]!;
}
