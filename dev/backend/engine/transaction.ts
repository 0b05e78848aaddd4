import type { StoredDocument } from "./document.js";
import { encodeKey } from "./index-key.js";
import { point } from "./interval.js";
import { ReadIntervals } from "./read-intervals.js";
import { tableKey, type PendingWrite, type Snapshot, type TableKey } from "./store.js";
import { BY_ID, type Table } from "./table.js";
import type { Meter, Usage } from "./usage.js";

/** One level of nesting: what the function and those it called have written so far. */
interface Layer {
  /** The snapshot's tables, those written to and read again replaced by copies. */
  tables: Map<TableKey, Table>;
  /** Which copies are this layer's own, so that taking the layer away takes its writes away. */
  own: Set<TableKey>;
  /** Writes that are not in `tables` yet: most functions never look at what they wrote. */
  unseen: Map<TableKey, Unseen>;
  writes: Map<string, PendingWrite>;
  meter: Meter;
}

/** The last of several writes. A list that grows at its head can be shared by layers. */
interface Unseen {
  write: PendingWrite;
  earlier: Unseen | undefined;
}

/**
 * A function's view of the data: one snapshot with its own writes on top. What it reads is taken
 * down, for validation when it commits and to know when a query has to run again.
 */
export class Transaction {
  readonly snapshot: Snapshot;
  readonly reads: ReadIntervals;
  #createTable: (key: TableKey) => Table;
  #layers: [Layer, ...Layer[]];

  constructor(
    snapshot: Snapshot,
    meter: Meter,
    createTable: (key: TableKey) => Table,
    reads = new ReadIntervals(),
  ) {
    this.snapshot = snapshot;
    this.reads = reads;
    this.#createTable = createTable;
    this.#layers = [newLayer(snapshot.tables, new Map(), meter)];
  }

  get meter(): Meter {
    return this.#top.meter;
  }

  /** For reading only. With everything that was written so far. */
  table(key: TableKey): Table {
    const { tables, unseen } = this.#top;
    const writes = unseen.get(key);
    if (writes !== undefined) {
      unseen.delete(key);
      applyTo(this.#ownTable(key), writes);
    }
    let table = tables.get(key);
    if (table === undefined) tables.set(key, (table = this.#createTable(key)));
    return table;
  }

  get(component: string, table: string, id: string): StoredDocument | null {
    const key = tableKey(component, table);
    this.reads.add(`${key}.${BY_ID}`, point(encodeKey([id])));
    const document = this.table(key).get(id) ?? null;
    if (document !== null) this.countRead(document);
    return document;
  }

  countRead(document: StoredDocument): void {
    this.meter.add("documentsRead", 1);
    this.meter.add("bytesRead", document.size);
  }

  write(write: PendingWrite): void {
    const { component, table, id, document } = write;
    const { unseen, writes } = this.#top;
    const key = tableKey(component, table);
    unseen.set(key, { write, earlier: unseen.get(key) });
    writes.set(`${component}:${id}`, write);
    this.meter.add("documentsWritten", 1);
    this.meter.add("bytesWritten", document?.size ?? 0);
  }

  /** Everything `body` writes disappears when it throws. What it read stays read. */
  async nested<T>(limits: Partial<Usage> | undefined, body: () => Promise<T>): Promise<T> {
    const { tables, unseen, meter } = this.#top;
    const layer = newLayer(tables, unseen, meter.nested(limits));
    this.#layers.push(layer);
    try {
      const result = await body();
      this.#layers.pop();
      this.#merge(layer);
      return result;
    } catch (error) {
      if (this.#top === layer) this.#layers.pop();
      meter.absorb(layer.meter, "reads");
      throw error;
    }
  }

  /** A second view of the same snapshot, without own writes and without a trace in the read set. */
  stale(): Transaction {
    return new Transaction(this.snapshot, this.meter.nested(), this.#createTable);
  }

  writes(): PendingWrite[] {
    return [...this.#layers[0].writes.values()];
  }

  get #top(): Layer {
    return this.#layers.at(-1)!;
  }

  #merge(layer: Layer): void {
    const parent = this.#top;
    parent.tables = layer.tables;
    parent.unseen = layer.unseen;
    for (const key of layer.own) parent.own.add(key);
    for (const [key, write] of layer.writes) parent.writes.set(key, write);
    parent.meter.absorb(layer.meter, "all");
  }

  #ownTable(key: TableKey): Table {
    const { tables, own } = this.#top;
    if (!own.has(key)) {
      tables.set(key, tables.get(key)?.clone() ?? this.#createTable(key));
      own.add(key);
    }
    return tables.get(key)!;
  }
}

function newLayer(
  tables: ReadonlyMap<TableKey, Table>,
  unseen: ReadonlyMap<TableKey, Unseen>,
  meter: Meter,
): Layer {
  return {
    tables: new Map(tables),
    own: new Set(),
    unseen: new Map(unseen),
    writes: new Map(),
    meter,
  };
}

/** In the order in which they were made. */
function applyTo(table: Table, last: Unseen): void {
  const writes: PendingWrite[] = [];
  for (let at: Unseen | undefined = last; at !== undefined; at = at.earlier) writes.push(at.write);
  for (const { id, document } of writes.reverse()) table.write(table.get(id), document);
}
