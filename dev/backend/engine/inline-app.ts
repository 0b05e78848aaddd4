import type { GenericSchema, SchemaDefinition } from "convex/server";
import type { ConvexApp, ModuleGlob } from "../app.js";

type AnySchema = SchemaDefinition<GenericSchema, boolean>;

interface InlineModules {
  schema?: AnySchema;
  /** Exports by module: `{ tasks: { list: query(…) } }`. */
  modules: Record<string, object>;
}

/** An app that is written down in a test instead of in files. */
export function inlineApp(
  app: InlineModules,
  components: Record<string, Required<InlineModules>> = {},
): ConvexApp {
  return {
    modules: toGlob(app),
    register: (t) => {
      for (const [path, component] of Object.entries(components)) {
        t.registerComponent(path, component.schema, toGlob(component));
      }
    },
  };
}

/** The `_generated` folder is how the root of the functions is found. */
function toGlob({ schema, modules }: InlineModules): ModuleGlob {
  const files: [string, object][] = Object.entries(modules).map(([path, exports]) => [
    `./${path}.ts`,
    exports,
  ]);
  const loaders = [["./_generated/api.ts", {}] as const, ...files].map(
    ([file, exports]) => [file, () => Promise.resolve(exports)] as const,
  );
  const glob: ModuleGlob = Object.fromEntries(loaders);
  if (schema !== undefined) glob["./schema.ts"] = () => Promise.resolve({ default: schema });
  return glob;
}
