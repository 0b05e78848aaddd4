import type { ValidatorJSON } from "convex/values";
import type { ModuleGlob } from "../app.js";
import { listFunctions } from "../functions.js";
import type { FunctionKind } from "../runtime.js";
import { compileValidator, type Check } from "./validator.js";

/** A registered function, its validators compiled. */
export interface EngineFunction {
  path: string;
  kind: FunctionKind;
  isPublic: boolean;
  checkArgs: Check;
  checkReturns: Check;
  /** Runs the handler on JSON arguments, within whatever execution is current. */
  invoke: (argsJson: string, requestId: string) => Promise<string>;
}

/** What `query({…})` and its siblings really return, behind their published types. */
interface RegisteredFunction {
  isPublic?: boolean;
  invokeQuery?: (argsJson: string) => Promise<string>;
  invokeMutation?: (argsJson: string) => Promise<string>;
  invokeAction?: (requestId: string, argsJson: string) => Promise<string>;
  exportArgs: () => string;
  exportReturns: () => string;
}

export async function loadFunctions(modules: ModuleGlob): Promise<Map<string, EngineFunction>> {
  const functions = new Map<string, EngineFunction>();
  for (const [path, registered] of await listFunctions(modules)) {
    functions.set(path, toEngineFunction(path, registered as RegisteredFunction));
  }
  return functions;
}

function toEngineFunction(path: string, registered: RegisteredFunction): EngineFunction {
  const { kind, invoke } = invocation(registered);
  const args = JSON.parse(registered.exportArgs()) as ValidatorJSON;
  const returns = JSON.parse(registered.exportReturns()) as ValidatorJSON | null;
  return {
    path,
    kind,
    isPublic: registered.isPublic === true,
    checkArgs: compileValidator(args),
    checkReturns: returns === null ? () => {} : compileValidator(returns),
    invoke,
  };
}

function invocation(registered: RegisteredFunction): Pick<EngineFunction, "kind" | "invoke"> {
  const { invokeQuery, invokeMutation, invokeAction } = registered;
  if (invokeQuery !== undefined) return { kind: "query", invoke: (args) => invokeQuery(args) };
  if (invokeMutation !== undefined) {
    return { kind: "mutation", invoke: (args) => invokeMutation(args) };
  }
  return { kind: "action", invoke: (args, requestId) => invokeAction!(requestId, args) };
}
