import type { Clock } from "./clock.js";
import type { Component } from "./component.js";
import type { Interleaving } from "./interleaving.js";
import type { Limits } from "./limits.js";
import type { Metrics } from "./metrics.js";
import type { Runner } from "./runner.js";
import type { Store, TableKey } from "./store.js";
import { Table } from "./table.js";

/** What the parts of one engine share. */
export interface EngineContext {
  components: ReadonlyMap<string, Component>;
  store: Store;
  runner: Runner;
  metrics: Metrics;
  limits: Limits;
  clock: Clock;
  interleaving: Interleaving;
  /** From 0 up to 1. */
  random: () => number;
  /** Strictly increasing, so that documents of one mutation keep their order. */
  nextCreationTime: () => number;
  newId: (table: string) => string;
}

export function componentAt(context: Pick<EngineContext, "components">, path: string): Component {
  const component = context.components.get(path);
  if (component !== undefined) return component;
  throw new Error(`Component "${path}" is not registered. Call \`t.registerComponent\` for it.`);
}

/** An empty table with the indexes that the schema declares for it. */
export function createTable(components: ReadonlyMap<string, Component>, key: TableKey): Table {
  const colon = key.lastIndexOf(":");
  const [component, table] = [key.slice(0, colon), key.slice(colon + 1)];
  return Table.create(components.get(component)?.indexesOf(table) ?? []);
}
