import { anyApi, componentsGeneric, type ApiFromModules } from "convex/server";
import type { ComponentApi } from "convex-replicate/_generated/component";
import type * as tasks from "../tasks";

// Stands for what `npx convex dev` writes into the reader's app.
export const api = anyApi as unknown as ApiFromModules<{ tasks: typeof tasks }>;
export const components = componentsGeneric() as unknown as {
  replicate: ComponentApi<"replicate">;
};
