import { functionModules, type ModuleGlob } from "../app.js";
import type { FunctionKind } from "../runtime.js";

interface RegisteredFunction {
  isPublic?: boolean;
  isQuery?: boolean;
  isMutation?: boolean;
  isAction?: boolean;
}

const KIND_FLAG = { query: "isQuery", mutation: "isMutation", action: "isAction" } as const;

/**
 * Imports every function module at once. convex-test would import them inside the first transaction
 * that needs them, where timers (which module runners use) are forbidden; and a module that does
 * not load should stop the start, as it stops `convex dev`.
 */
export async function loadFunctions(modules: ModuleGlob): Promise<Map<string, RegisteredFunction>> {
  const functions = new Map<string, RegisteredFunction>();
  for (const [path, load] of functionModules(modules)) {
    for (const [name, value] of Object.entries(await importModule(path, load))) {
      if (isRegisteredFunction(value)) functions.set(functionPath(path, name), value);
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

function functionPath(module: string, name: string): string {
  return name === "default" ? module : `${module}:${name}`;
}

async function importModule(path: string, load: () => Promise<unknown>): Promise<object> {
  try {
    return (await load()) as object;
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
