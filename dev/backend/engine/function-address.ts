import { canonicalPath } from "../functions.js";

/** Where a function is: which component instance, and its path within. */
export interface FunctionLocation {
  component: string;
  path: string;
}

/** How `convex/server` names a function in a syscall: one of the three is set. */
export interface FunctionAddress {
  name?: string;
  /** `_reference/childComponent/<instance>/<module>/<export>`. */
  reference?: string;
  functionHandle?: string;
}

const HANDLE = /^function:\/\/([^;]*);(.+)$/;
const CHILD_REFERENCE = /^_reference\/childComponent\/([^/]+)\/(.+)\/([^/]+)$/;

/** `component` is the instance in which the address was used. */
export function locate(address: FunctionAddress, component: string): FunctionLocation {
  const { name, reference, functionHandle } = address;
  if (functionHandle !== undefined) return parseHandle(functionHandle);
  if (name !== undefined) return { component, path: canonicalPath(name) };
  const match = CHILD_REFERENCE.exec(reference ?? "");
  if (match === null) throw new Error(`Cannot find the function "${reference}".`);
  const [, child, module, exportName] = match;
  return {
    component: component === "" ? child! : `${component}/${child}`,
    path: canonicalPath(`${module}:${exportName}`),
  };
}

export function toHandle({ component, path }: FunctionLocation): string {
  return `function://${component};${path}`;
}

/** As metrics and messages name it: `replicate/log:append`. */
export function displayPath({ component, path }: FunctionLocation): string {
  return component === "" ? path : `${component}/${path}`;
}

function parseHandle(handle: string): FunctionLocation {
  const match = HANDLE.exec(handle);
  if (match === null) throw new Error(`"${handle}" is not a function handle.`);
  return { component: match[1]!, path: match[2]! };
}
