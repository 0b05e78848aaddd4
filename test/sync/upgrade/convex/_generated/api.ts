import { anyApi, componentsGeneric } from "convex/server";

// Stands for what `convex codegen` writes.
export const api = anyApi;
export const components = componentsGeneric() as { replicate: never };
