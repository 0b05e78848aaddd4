import type { FunctionReference } from "convex/server";
import { toLocalWrite, type LocalMutation } from "./client/local-write.js";
import { compileFields, type CompiledFields } from "./shared/compiled-fields.js";
import type { Fields, Row } from "./shared/fields.js";
import { unflatten, type Operations } from "./shared/operations.js";
import {
  FIELDS_PART,
  loadPart,
  mintChange,
  readFlat,
  SERVER_CLIENT_ID,
} from "./shared/plain-part.js";
import { refusalOf } from "./shared/refusal.js";
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
 * server has at that moment, is checked as a collection checks it, pushed at once, and resolves to the
 * server's answer: `{ status: "accepted", … }`, `{ status: "rejected", code, message }` or
 * `{ status: "removed" }`. Whichever hook of a write refuses, the answer is `rejected`. `evalRead` and
 * `rateLimit` throw: a client asks again later then.
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

  /**
   * Inserts a row as someone does who does not know whether there is one.
   *
   * @throws {ReplicateError} as a collection's `insert` does
   */
  async insert(row: Row<F>): Promise<Result> {
    const mutation = { type: "insert", key: row.id, original: {}, modified: row } as const;
    const operations = this.#check(mutation);
    const { generation } = await this.#read(row.id);
    return this.#write("insert", row.id, operations, generation + 1, []);
  }

  /**
   * Updates a row by changing a draft of it, as a collection's `update` does.
   *
   * @throws {ReplicateError} as a collection's `update` does
   * @throws when there is no such row, and when nothing changes
   */
  async update(id: string, change: (draft: Row<F>) => void): Promise<Result> {
    const { generation, updates } = await this.#read(id);
    const row = unflatten(readFlat(loadPart(updates)), this.#fields.tree);
    if (row === null) throw new Error(`There is no document "${id}" to update.`);
    const draft = structuredClone({ ...row, id }) as Row<F>;
    change(draft);
    const mutation = {
      type: "update",
      key: id,
      original: { ...row, id },
      modified: draft,
    } as const;
    const operations = this.#check(mutation);
    if (operations.size === 0) throw new Error(`The change of document "${id}" changes nothing.`);
    return this.#write("update", id, operations, generation, updates);
  }

  async remove(id: string): Promise<Result> {
    this.#check({ type: "delete", key: id, original: {}, modified: {} });
    const { generation } = await this.#read(id);
    return this.#push({ document: id, generation, op: "remove", parts: [] });
  }

  #check(mutation: LocalMutation): Operations {
    return toLocalWrite(mutation, this.#fields).operations;
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
    document: string,
    operations: Operations,
    generation: number,
    base: readonly Uint8Array[],
  ): Promise<Result> {
    const update = mintChange(loadPart(base), operations, newClientId())!;
    const parts = [{ part: FIELDS_PART, update: toArrayBuffer(update) }];
    return this.#push({ document, generation, op, parts });
  }

  async #push(change: Change): Promise<Result> {
    const { identity } = (await this.#t.query(this.#api.protocol, {})) as Protocol;
    const sender: Sender = { secret: this.#secret, pageIds: ["test"], identity };
    const args = { sender, changes: [change] };
    try {
      const [only] = (await this.#t.mutation(this.#api.push, args)) as PushResult;
      return only!.result;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === null || refusal.code === "RATE_LIMITED") throw error;
      return { status: "rejected", ...refusal };
    }
  }
}

function newClientId(): number {
  return SERVER_CLIENT_ID + 1 + crypto.getRandomValues(new Uint32Array(1))[0]!;
}
