import type { GenericSchema, SchemaDefinition } from "convex/server";
import type { ConvexApp, ModuleGlob } from "../../../dev/backend/app.js";
import * as programs from "./functions.js";

type AnySchema = SchemaDefinition<GenericSchema, boolean>;

/** An app whose functions run programs, with a component `inner` that does so, too. */
export function programApp(schema: AnySchema, componentSchema = schema): ConvexApp {
  return {
    modules: modulesOf(schema),
    register: (t) => t.registerComponent("inner", componentSchema, modulesOf(componentSchema)),
  };
}

function modulesOf(schema: AnySchema): ModuleGlob {
  return {
    "./_generated/api.ts": () => Promise.resolve({}),
    "./schema.ts": () => Promise.resolve({ default: schema }),
    "./programs.ts": () => Promise.resolve(programs),
  };
}
