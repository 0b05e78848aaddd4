import { jsonToConvex, type GenericId, type JSONValue, type Value } from "convex/values";
import type { Component } from "./component.js";
import type { EngineContext } from "./context.js";
import { isObject, StoredDocument, type DocumentValue } from "./document.js";
import { tableHashOf } from "./ids.js";
import { checkDocument } from "./limits.js";
import type { Transaction } from "./transaction.js";
import { ValidationError } from "./validator.js";

type Fields = Record<string, Value | undefined>;

/** `ctx.db` of one component, within one transaction. */
export class Documents {
  #context: EngineContext;
  #component: Component;
  #transaction: Transaction;

  constructor(context: EngineContext, component: Component, transaction: Transaction) {
    this.#context = context;
    this.#component = component;
    this.#transaction = transaction;
  }

  get(table: string | undefined, id: unknown): StoredDocument | null {
    const own = this.#tableOf(table, id);
    return own === null ? null : this.#transaction.get(this.#component.path, own, id as string);
  }

  insert(table: string, fields: Value): string {
    if (!isObject(fields)) throw new Error("A document must be an object.");
    this.#component.noteTable(table);
    const _id = this.#context.newId(table) as GenericId<string>;
    this.#put(table, { ...fields, _id, _creationTime: this.#context.nextCreationTime() });
    return _id;
  }

  /** `patch` is JSON in which `$undefined` takes a field away. */
  patch(table: string | undefined, id: unknown, patch: Record<string, JSONValue>): void {
    const fields = Object.fromEntries(
      Object.entries(patch).map(([name, json]) => [
        name,
        isUndefined(json) ? undefined : jsonToConvex(json),
      ]),
    );
    this.#change("Patch", table, id, fields, (before) => ({ ...before, ...fields }));
  }

  replace(table: string | undefined, id: unknown, fields: Value): void {
    if (!isObject(fields)) throw new Error("A document must be an object.");
    this.#change("Replace", table, id, fields, () => fields);
  }

  delete(table: string | undefined, id: unknown): void {
    const own = this.#tableOf(table, id);
    const before = own === null ? null : this.get(own, id);
    if (before === null) throw new Error(`Delete on nonexistent document ID ${String(id)}`);
    this.#transaction.write({
      component: this.#component.path,
      table: own!,
      id: before.id,
      document: null,
    });
  }

  #change(
    what: "Patch" | "Replace",
    table: string | undefined,
    id: unknown,
    given: Fields,
    change: (before: Fields) => Fields,
  ): void {
    const own = this.#tableOf(table, id);
    const before = own === null ? null : this.get(own, id);
    if (before === null) throw new Error(`${what} on nonexistent document ID ${String(id)}`);
    const { _id, _creationTime } = before.value;
    for (const [name, value] of Object.entries({ _id, _creationTime })) {
      if (given[name] !== undefined && given[name] !== value) {
        throw new Error(
          `Provided \`${name}\` field value "${String(given[name])}" does not match the document's, "${value}".`,
        );
      }
    }
    this.#put(own!, { ...withoutUndefined(change(before.value)), _id, _creationTime });
  }

  #put(table: string, value: DocumentValue): void {
    const { _id, _creationTime, ...fields } = value;
    try {
      this.#component.checkDocument(table, fields);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      throw new ValidationError(
        `Failed to insert or update a document in table "${table}" because it does not match the schema: ${error.message}`,
        { cause: error },
      );
    }
    const document = new StoredDocument({ ...fields, _id, _creationTime });
    checkDocument(document.value as Value, document.size, this.#context.limits, table);
    const component = this.#component.path;
    this.#transaction.write({ component, table, id: document.id, document });
  }

  /** The table of an id; `null` for one of a table nobody has written to. */
  #tableOf(expected: string | undefined, id: unknown): string | null {
    if (typeof id !== "string") {
      throw new Error(`Invalid argument \`id\`, expected string but got '${typeof id}'`);
    }
    const hash = tableHashOf(id);
    if (hash === null)
      throw new Error(`Invalid argument \`id\`, expected ID value but got '${id}'`);
    const table = this.#component.tableOfHash(hash);
    if (expected === undefined || expected === table) return table ?? null;
    if (table === undefined) return null;
    throw new Error(
      `Invalid argument \`id\`, expected ID in table '${expected}' but got ID in table '${table}'`,
    );
  }
}

function isUndefined(json: JSONValue): boolean {
  return typeof json === "object" && json !== null && "$undefined" in json;
}

function withoutUndefined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
