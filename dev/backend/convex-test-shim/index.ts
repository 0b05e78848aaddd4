import { afterAll } from "vitest";
import type { ModuleGlob } from "../app.js";
import type { Limits } from "../engine/limits.js";
import { TestAccessor } from "./accessor.js";
import { TestEngine, type AnySchema } from "./test-engine.js";

const engines: TestEngine[] = [];

// Test files share a process: what one has scheduled must not go on in the next.
afterAll(async () => void (await Promise.all(engines.splice(0).map((engine) => engine.close()))));

export interface TestOptions {
  schema: AnySchema;
  modules: ModuleGlob;
  /** Differences to Convex's limits, which hold in any case. */
  transactionLimits?: true | Partial<Limits>;
}

/**
 * convex-test's `convexTest`, with the embedded engine behind it. vitest.config.ts puts this module
 * in the place of convex-test for the project `on-engine`: the tests run there as they stand.
 *
 * Two things differ: Convex's limits hold unless they are changed one by one, and errors are worded
 * as clients get them ("Server Error\nUncaught Error: …"), where convex-test throws the original.
 */
export function convexTest(options: TestOptions): TestAccessor;
export function convexTest(schema: AnySchema, modules: ModuleGlob): TestAccessor;
export function convexTest(given: TestOptions | AnySchema, modules?: ModuleGlob): TestAccessor {
  const options = "tables" in given ? { schema: given, modules: modules! } : given;
  const { transactionLimits: limits } = options;
  const engine = new TestEngine({ ...options, limits: typeof limits === "object" ? limits : {} });
  engines.push(engine);
  return new TestAccessor(engine, null);
}
