import { functionModules, type ModuleGlob } from "./app.js";
import type { FunctionKind } from "./runtime.js";

interface RegisteredFunction {
  isPublic?: boolean;
  isQuery?: boolean;
  isMutation?: boolean;
  isAction?: boolean;
}

export type Functions = ReadonlyMap<string, RegisteredFunction>;

const KIND_FLAG = { query: "isQuery", mutation: "isMutation", action: "isAction" } as const;

/**
 * Imports every function module at once and gives a glob that holds them. convex-test imports modules
 * inside the transaction that needs them, where timers are forbidden, which module runners use; and
 * a module that does not load should stop the start, as it stops `convex dev`.
 */
export async function preload(modules: ModuleGlob): Promise<ModuleGlob> {
  const preloaded = { ...modules };
  for (const [path, { file, load }] of functionModules(modules)) {
    const module = await importModule(path, load);
    preloaded[file] = () => Promise.resolve(module);
  }
  return preloaded;
}

/** The functions an app or component exports, by canonical path. */
export async function listFunctions(modules: ModuleGlob): Promise<Functions> {
  const functions = new Map<string, RegisteredFunction>();
  for (const [path, { load }] of functionModules(modules)) {
    for (const [name, value] of Object.entries((await load()) as object)) {
      if (isRegisteredFunction(value)) functions.set(canonicalPath(`${path}:${name}`), value);
    }
  }
  return functions;
}

export function isOfKind(fn: RegisteredFunction, kind: FunctionKind): boolean {
  return fn[KIND_FLAG[kind]] === true;
}

/** One spelling for `tasks:list`, `tasks.js:list`, and for `tasks` and `tasks:default`. */
export function canonicalPath(path: string): string {
  return path.replace(/\.js(?=:|$)/, "").replace(/:default$/, "");
}

async function importModule(path: string, load: () => Promise<unknown>): Promise<unknown> {
  try {
    return await load();
  } catch (cause) {
    throw new Error(`Could not load the functions in "${path}": ${String(cause)}`, { cause });
  }
}

function isRegisteredFunction(value: unknown): value is RegisteredFunction {
  return (
    typeof value === "function" &&
    Object.values(KIND_FLAG).some((flag) => Object.hasOwn(value, flag))
  );
}
