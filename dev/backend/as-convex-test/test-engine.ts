import type { GenericSchema, SchemaDefinition } from "convex/server";
import { withFiles, type ModuleGlob } from "../app.js";
import { createEngine, type Engine } from "../engine/engine.js";
import type { Limits } from "../engine/limits.js";
import { INLINE_MODULE, InlineFunctions } from "./inline-functions.js";

export type AnySchema = SchemaDefinition<GenericSchema, boolean>;

export interface TestApp {
  schema: AnySchema;
  modules: ModuleGlob;
  /** Differences to Convex's. */
  limits: Partial<Limits>;
}

/** An engine that starts when it is first used, because components are registered before that. */
export class TestEngine {
  readonly inline = new InlineFunctions();
  readonly #app: TestApp;
  readonly #components = new Map<string, Omit<TestApp, "limits">>();
  #started: Promise<Engine> | null = null;

  constructor(app: TestApp) {
    this.#app = app;
  }

  registerComponent(path: string, schema: AnySchema, modules: ModuleGlob): void {
    if (this.#started !== null) {
      throw new Error(`Register the component "${path}" before the first function is called.`);
    }
    this.#components.set(path, { schema, modules });
  }

  started(): Promise<Engine> {
    return (this.#started ??= this.#start());
  }

  async #start(): Promise<Engine> {
    const { schema, modules, limits } = this.#app;
    const files = {
      "schema.ts": { default: schema },
      [`${INLINE_MODULE}.ts`]: this.inline.module,
    };
    const engine = await createEngine(
      {
        modules: withFiles(modules, files),
        register: (t) => {
          for (const [path, component] of this.#components) {
            t.registerComponent(path, component.schema, component.modules);
          }
        },
      },
      { limits },
    );
    await engine.open(null);
    return engine;
  }
}
