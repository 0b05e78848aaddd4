// @vitest-environment node
import { inspect } from "node:util";
import { expect, it } from "vitest";
import type { ConvexApp } from "../../dev/backend/app.js";
import { createConvexTestRuntime } from "../../dev/backend/runtime-over-convex-test/index.js";
import { createEngine } from "../../dev/backend/engine/engine.js";
import { programApp } from "./programs/app.js";
import { Generator } from "./programs/generate.js";
import type { Program } from "./programs/program.js";
import { Random } from "./programs/random.js";
import { randomTables, toSchema } from "./programs/schemas.js";
import { Subject } from "./programs/subject.js";

/** `PROGRAMS=10000 npx vitest run --project integration test/engine/differential` */
const PROGRAMS = Number(process.env.PROGRAMS ?? 500);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const PROGRAMS_PER_APP = 25;

it(
  `${PROGRAMS} random programs give on the engine what they give on convex-test`,
  {
    timeout: 1_000_000,
  },
  async () => {
    let count = 0;
    const outcomes = { values: 0, errors: 0 };
    for (let seed = FIRST_SEED; count < PROGRAMS; seed++, count += PROGRAMS_PER_APP) {
      await compare(seed, outcomes);
    }
    console.log(`${count} programs: ${JSON.stringify(outcomes)}`);
    expect(outcomes.values).toBeGreaterThan(count / 4);
    expect(outcomes.errors).toBeGreaterThan(count / 20);
  },
);

/** Sends the same programs to a fresh app on both, and compares each answer, and all that is stored. */
async function compare(seed: number, outcomes: { values: number; errors: number }): Promise<void> {
  const random = new Random(seed);
  const tables = { app: randomTables(random, "app"), component: randomTables(random, "component") };
  const app = programApp(toSchema(tables.app), toSchema(tables.component));
  const { engine, reference } = await startBoth(app);
  const generator = new Generator(random, tables);
  for (let i = 0; i < PROGRAMS_PER_APP; i++) {
    const program = generator.program();
    const expected = await reference.run(program);
    const actual = await engine.run(program);
    expect(actual, describeProgram(seed, i, program)).toBe(expected);
    outcomes[expected.startsWith("throws") ? "errors" : "values"] += 1;
  }
  for (const where of ["app", "component"] as const) {
    for (const { name } of tables[where]) {
      const expected = await reference.table(where, name);
      expect(await engine.table(where, name), `seed ${seed}, ${where}'s ${name}`).toBe(expected);
    }
  }
  await Promise.all([engine.runtime.close(), reference.runtime.close()]);
}

async function startBoth(app: ConvexApp): Promise<{ engine: Subject; reference: Subject }> {
  // A program is deeper than any argument may be, and convex-test has no such limit.
  const engine = await createEngine(app, { limits: { nesting: Infinity } });
  const reference = await createConvexTestRuntime(app);
  return { engine: await Subject.start(engine), reference: await Subject.start(reference) };
}

function describeProgram(seed: number, i: number, program: Program): string {
  return `seed ${seed}, program ${i}: ${inspect(program, { depth: null, breakLength: 100 })}`;
}
