// @ts-check
const CONVEX_OWN = "/node_modules/convex/dist/esm/values/base64.js";
const NATIVE = new URL("base64.mjs", import.meta.url).href;

/** @type {import("node:module").ResolveHook} */
export async function resolve(specifier, context, nextResolve) {
  const resolved = await nextResolve(specifier, context);
  return resolved.url.endsWith(CONVEX_OWN) ? { ...resolved, url: NATIVE } : resolved;
}
