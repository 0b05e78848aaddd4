import type { GenericSchema, SchemaDefinition } from "convex/server";
import type { ValidatorJSON } from "convex/values";
import {
  functionModules,
  loadSchema,
  type AnyTestConvex,
  type ConvexApp,
  type ModuleGlob,
} from "../app.js";
import { preload } from "../functions.js";
import { loadFunctions, type EngineFunction } from "./functions.js";
import { tableHash } from "./ids.js";
import { BY_CREATION_TIME, BY_ID, type IndexDefinition } from "./table.js";
import { compileValidator, type Check } from "./validator.js";

type AnySchema = SchemaDefinition<GenericSchema, boolean>;

export const SCHEDULED_FUNCTIONS = "_scheduled_functions";

/** One instance of a component (or the app itself, at path `""`): its tables and functions. */
export interface Component {
  path: string;
  functions: ReadonlyMap<string, EngineFunction>;
  /** The default export of a module: `crons`, `http`. */
  defaultExport(module: string): unknown;
  indexesOf(table: string): readonly IndexDefinition[];
  indexOf(table: string, index: string): IndexDefinition | undefined;
  /** Throws when the document does not fit the schema. */
  checkDocument: (table: string, document: Parameters<Check>[0]) => void;
  /** Tables that exist without any document. */
  declaredTables: readonly string[];
  /** The table an id belongs to. Undeclared tables are known once they were named. */
  tableOfHash(hash: number | null): string | undefined;
  noteTable(table: string): void;
}

/** The app and everything it registers, by path. */
export async function loadComponents(app: ConvexApp): Promise<Map<string, Component>> {
  const components = new Map<string, Component>();
  const root = await preload(app.modules);
  components.set("", await createComponent("", await loadSchema(root), root));
  for (const [path, { schema, modules }] of registeredComponents(app.register)) {
    components.set(path, await createComponent(path, schema, await preload(modules)));
  }
  return components;
}

interface Registration {
  schema: AnySchema | undefined;
  modules: ModuleGlob;
}

/** `register` is written for convex-test, of which it only uses `registerComponent`. */
function registeredComponents(register: ConvexApp["register"]): Map<string, Registration> {
  const registered = new Map<string, Registration>();
  const recorder: Pick<AnyTestConvex, "registerComponent"> = {
    registerComponent: (path, schema, modules) =>
      void registered.set(path, { schema: schema as AnySchema, modules }),
  };
  register?.(recorder as AnyTestConvex);
  return registered;
}

async function createComponent(
  path: string,
  schema: AnySchema | undefined,
  modules: ModuleGlob,
): Promise<Component> {
  const tables = readTables(schema);
  const names = new Map(
    [...tables.keys(), SCHEDULED_FUNCTIONS].map((name) => [tableHash(name), name]),
  );
  const defaults = new Map<string, unknown>();
  for (const [module, { load }] of functionModules(modules)) {
    defaults.set(module, ((await load()) as { default?: unknown }).default);
  }
  const indexesOf = (table: string) => tables.get(table)?.indexes ?? [];
  return {
    path,
    functions: await loadFunctions(modules),
    defaultExport: (module) => defaults.get(module),
    indexesOf,
    indexOf: (table, index) =>
      BUILT_IN_INDEXES[index] ?? indexesOf(table).find(({ name }) => name === index),
    checkDocument: (table, document) => tables.get(table)?.check?.(document),
    declaredTables: [...tables.keys(), SCHEDULED_FUNCTIONS],
    tableOfHash: (hash) => (hash === null ? undefined : names.get(hash)),
    noteTable: (table) => void names.set(tableHash(table), table),
  };
}

const BUILT_IN_INDEXES: Record<string, IndexDefinition | undefined> = {
  [BY_ID]: { name: BY_ID, fields: ["_id"] },
  [BY_CREATION_TIME]: { name: BY_CREATION_TIME, fields: ["_creationTime", "_id"] },
};

interface TableDefinition {
  indexes: readonly IndexDefinition[];
  check: Check | null;
}

/** What `defineTable(…).export()` gives, of which convex does not publish the type. */
interface ExportedTable {
  indexes: { indexDescriptor: string; fields: string[] }[];
  documentType: ValidatorJSON;
}

function readTables(schema: AnySchema | undefined): Map<string, TableDefinition> {
  const tables = new Map<string, TableDefinition>();
  for (const [name, definition] of Object.entries(schema?.tables ?? {})) {
    const { indexes, documentType } = (
      definition as unknown as { export(): ExportedTable }
    ).export();
    tables.set(name, {
      indexes: indexes.map(({ indexDescriptor, fields }) => ({
        name: indexDescriptor,
        fields: [...fields, "_creationTime", "_id"],
      })),
      check: schema?.schemaValidation === false ? null : compileValidator(documentType),
    });
  }
  return tables;
}
