import { anyApi, componentsGeneric, type ApiFromModules } from "convex/server";
import type { ComponentApi } from "convex-replicate/_generated/component";
import type * as tasks from "../tasks.js";

// What `convex codegen` writes, without the need for a deployment of this fixture.
export const api = anyApi as unknown as ApiFromModules<{ tasks: typeof tasks }>;
export const components = componentsGeneric() as unknown as {
  replicate: ComponentApi<"replicate">;
};
