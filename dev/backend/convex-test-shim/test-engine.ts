import type { GenericSchema, SchemaDefinition } from "convex/server";
import { withFiles, type ConvexApp, type ModuleGlob } from "../app.js";
import { createEngine, type Engine } from "../engine/engine.js";
import type { Limits } from "../engine/limits.js";
import { CountingClock } from "./counting-clock.js";
import { INLINE_MODULE, InlineFunctions } from "./inline-functions.js";

export type AnySchema = SchemaDefinition<GenericSchema, boolean>;

export interface TestApp {
  schema: AnySchema;
  modules: ModuleGlob;
  /** Differences to Convex's. */
  limits: Partial<Limits>;
}

/** Turns in which nothing comes due before nothing is expected to: the machine's timers may be late. */
const IDLE_TURNS = 20;

// Taken before a test can replace it by a fake one.
const systemTimeout = setTimeout;

/** An engine that starts when it is first used, because components are registered before that. */
export class TestEngine {
  readonly inline = new InlineFunctions();
  readonly #app: TestApp;
  readonly #components = new Map<string, Omit<TestApp, "limits">>();
  readonly #clock = new CountingClock();
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

  /** Ends it: what is scheduled by then never runs. */
  async close(): Promise<void> {
    await (await this.#started)?.close();
  }

  /** Resolves when no scheduled function runs. */
  async finishInProgress(): Promise<void> {
    await (await this.started()).settle();
  }

  /**
   * Resolves when no scheduled function runs or waits, those that they schedule included. What
   * waits for a timer that `advanceTimers` does not reach is left waiting.
   */
  async finishAll(advanceTimers: () => void, maxIterations: number): Promise<void> {
    for (let busyTurns = 0, idleTurns = 0; busyTurns < maxIterations;) {
      const firedBefore = this.#clock.fired;
      await this.#advanceUntilSettled(advanceTimers);
      if (this.#clock.fired > firedBefore) [busyTurns, idleTurns] = [busyTurns + 1, 0];
      else if (++idleTurns === IDLE_TURNS) return;
    }
    throw new Error(
      `Functions are still being scheduled after ${maxIterations} turns: do they schedule each other for ever?`,
    );
  }

  /** A running function may itself wait for a timer. */
  async #advanceUntilSettled(advanceTimers: () => void): Promise<void> {
    let isSettled = false;
    const settled = this.finishInProgress().finally(() => (isSettled = true));
    do {
      advanceTimers();
      await new Promise<void>((resolve) => void systemTimeout(resolve, 0));
    } while (!isSettled);
    await settled;
  }

  /** Not `open`ed: convex-test has no cron jobs, and tests with fake timers would meet them. */
  #start(): Promise<Engine> {
    const { schema, modules, limits } = this.#app;
    const files = {
      "schema.ts": { default: schema },
      [`${INLINE_MODULE}.ts`]: this.inline.module,
    };
    const app: ConvexApp = {
      modules: withFiles(modules, files),
      register: (t) => {
        for (const [path, component] of this.#components) {
          t.registerComponent(path, component.schema, component.modules);
        }
      },
    };
    return createEngine(app, { limits, clock: this.#clock });
  }
}
