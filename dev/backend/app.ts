import type { GenericSchema, SchemaDefinition } from "convex/server";
import type { TestConvex } from "convex-test";
import { checkModulePath } from "../module-path.mjs";

/** An app as `import.meta.glob("./convex/**\/*.ts")` sees it, `_generated` folder included. */
export interface ConvexApp {
  modules: ModuleGlob;
  /** Registers the app's components, as in a test: `(t) => register(t, "replicate")`. */
  register?: (t: AnyTestConvex) => void;
}

export type AnyTestConvex = TestConvex<SchemaDefinition<GenericSchema, boolean>>;

export type ModuleGlob = Record<string, () => Promise<unknown>>;

export interface FunctionModule {
  /** Its key in the glob. */
  file: string;
  load: () => Promise<unknown>;
}

/**
 * The modules that hold functions, by path within the functions folder: `tasks`, `admin/users`.
 *
 * @throws {Error} for a name that no deployment accepts
 */
export function functionModules(modules: ModuleGlob): Map<string, FunctionModule> {
  const root = functionsRoot(modules);
  const found = new Map<string, FunctionModule>();
  for (const [file, load] of Object.entries(modules)) {
    const path = file.slice(root.length);
    if (!isFunctionModule(path)) continue;
    checkModulePath(path);
    found.set(path.replace(/\.[^./]+$/, ""), { file, load });
  }
  return found;
}

/** The default export of the app's `schema.ts`, if there is one. */
export async function loadSchema(
  modules: ModuleGlob,
): Promise<SchemaDefinition<GenericSchema, boolean> | undefined> {
  const root = functionsRoot(modules);
  const load = modules[`${root}schema.ts`] ?? modules[`${root}schema.js`];
  if (load === undefined) return undefined;
  const { default: schema } = (await load()) as {
    default: SchemaDefinition<GenericSchema, boolean>;
  };
  return schema;
}

/** The glob with more files in the functions folder: `{ "schema.ts": { default: schema } }`. */
export function withFiles(modules: ModuleGlob, files: Record<string, object>): ModuleGlob {
  const root = functionsRoot(modules);
  const added = Object.entries(files).map(
    ([file, exports]) => [`${root}${file}`, () => Promise.resolve(exports)] as const,
  );
  return { ...modules, ...Object.fromEntries(added) };
}

/** The same rule as Convex's bundler: no generated files, no `*.config.ts`, no `*.test.ts`. */
function isFunctionModule(path: string): boolean {
  const name = path.split("/").at(-1) ?? "";
  return (
    !path.startsWith("_generated/") && name.split(".").length === 2 && !/^schema\.[jt]s$/.test(path)
  );
}

function functionsRoot(modules: ModuleGlob): string {
  const generated = Object.keys(modules).find((file) => file.includes("_generated/"));
  if (generated === undefined) {
    throw new Error(
      "The app's modules hold no `_generated` folder. Include it in the glob, and run the codegen if it is missing.",
    );
  }
  return generated.slice(0, generated.indexOf("_generated/"));
}
