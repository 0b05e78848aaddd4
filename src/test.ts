/// <reference types="vite/client" />
import type { TestConvex } from "convex-test";
import type { GenericSchema, SchemaDefinition } from "convex/server";
import schema from "./component/schema.js";

const modules = import.meta.glob("./component/**/*.ts");

/**
 * Registers the component with a convex-test instance.
 *
 * @param name The name it has in the app's `convex.config.ts`.
 * @example
 * ```ts
 * const t = convexTest(schema, modules);
 * register(t);
 * ```
 */
export function register(
  t: TestConvex<SchemaDefinition<GenericSchema, boolean>>,
  name = "replicate",
) {
  t.registerComponent(name, schema, modules);
}

export default { register, schema, modules };
