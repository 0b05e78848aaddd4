import type { Component } from "./component.js";
import { createTable } from "./context.js";
import type { StoredCommit } from "./data-folder.js";
import { StoredDocument, type DocumentValue } from "./document.js";
import { tableKey, type Snapshot, type TableKey } from "./store.js";
import type { Table } from "./table.js";

/** Builds the snapshot that an engine starts from: empty, or with what an earlier process left. */
export class InitialData {
  readonly answers = new Map<string, string>();
  /** The greatest that is known to have been given out. */
  creationTime = 0;
  #components: ReadonlyMap<string, Component>;
  #tables = new Map<TableKey, Table>();
  #ts: bigint;

  constructor(components: ReadonlyMap<string, Component>, ts: bigint) {
    this.#components = components;
    this.#ts = ts;
    for (const { path, declaredTables } of components.values()) {
      for (const table of declaredTables) this.#table(path, table);
    }
  }

  apply({ ts, writes, note }: StoredCommit): void {
    if (ts > this.#ts) this.#ts = ts;
    if (note !== null) this.answers.set(note.key, note.answer);
    for (const { component, table, id, document } of writes) {
      const target = this.#table(component, table);
      const stored = document && new StoredDocument(document as DocumentValue);
      target.write(target.get(id), stored);
      this.creationTime = Math.max(this.creationTime, stored?.value._creationTime ?? 0);
    }
  }

  snapshot(): Snapshot {
    return { ts: this.#ts, tables: this.#tables };
  }

  #table(component: string, name: string): Table {
    const key = tableKey(component, name);
    let table = this.#tables.get(key);
    if (table === undefined) {
      this.#components.get(component)?.noteTable(name);
      this.#tables.set(key, (table = createTable(this.#components, key)));
    }
    return table;
  }
}
