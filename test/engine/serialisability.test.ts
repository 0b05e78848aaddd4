// @vitest-environment node
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createConvexTestRuntime } from "../../dev/backend/runtime-over-convex-test/index.js";
import { createEngine } from "../../dev/backend/engine/engine.js";
import { seededInterleaving } from "../../dev/backend/engine/interleaving.js";
import type { Runtime } from "../../dev/backend/runtime.js";
import { impatientClock } from "./clock.js";
import { ALL_ROWS, contendingProgram, runConcurrently, runEntry, type Entry } from "./history.js";
import { ledgerApp } from "./ledger.js";
import { Canonical } from "./programs/canonical.js";
import { Random } from "./programs/random.js";

/** `HISTORIES=1000 npx vitest run --project integration test/engine/serialisability` */
const HISTORIES = Number(process.env.HISTORIES ?? 8);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const CLIENTS = 5;
const PROGRAMS_PER_CLIENT = 8;

it.each([
  ["in memory", () => null],
  ["while commits wait for the disk", temporaryFolder],
])(
  `${HISTORIES} concurrent histories are those of one client after the other, %s`,
  {
    timeout: 1_000_000,
  },
  async (_where, dataFolder) => {
    const total = { committed: 0, conflicts: 0, retries: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
      const { history, rows, conflicts, retries } = await happen(seed, dataFolder());
      const expected = describeHistory(history, rows);
      for (const start of [startEngine, () => createConvexTestRuntime(ledgerApp)]) {
        expect(await replay(await start(), history), `seed ${seed}`).toEqual(expected);
      }
      total.committed += history.length;
      total.conflicts += conflicts;
      total.retries += retries;
    }
    console.log(`${HISTORIES} histories: ${JSON.stringify(total)}`);
    expect(total.conflicts).toBeGreaterThan(HISTORIES);
    expect(total.retries).toBeGreaterThan(HISTORIES);
    expect(total.committed).toBeGreaterThan((HISTORIES * CLIENTS * PROGRAMS_PER_CLIENT) / 4);
  },
);

/** Several clients at once; which of them goes on at each syscall is decided by the seed. */
async function happen(seed: number, dataFolder: string | null) {
  const random = new Random(seed);
  const interleaving = seededInterleaving(random.next);
  const engine = await createEngine(ledgerApp, { interleaving, clock: impatientClock() });
  await engine.open(dataFolder);
  let uid = 0;
  const lists = random.list(CLIENTS, () =>
    random.list(PROGRAMS_PER_CLIENT, () => contendingProgram(random, () => (uid += 1))),
  );
  const history = await runConcurrently(engine, lists);
  const rows = await runEntry(engine, ALL_ROWS);
  const { conflicts, retries } = engine.metrics.get("programs:mutation");
  await engine.close();
  return { history, rows, conflicts, retries };
}

async function startEngine(): Promise<Runtime> {
  return createEngine(ledgerApp);
}

/** One after the other, in the order of the history's timestamps. */
async function replay(runtime: Runtime, history: readonly Entry[]): Promise<string[]> {
  await runtime.open(null);
  const replayed: (Entry | null)[] = [];
  for (const { program } of history) replayed.push(await runEntry(runtime, program));
  const rows = await runEntry(runtime, ALL_ROWS);
  await runtime.close();
  return describeHistory(replayed, rows);
}

function describeHistory(history: readonly (Entry | null)[], rows: Entry | null): string[] {
  const canonical = new Canonical();
  const values = [...history, rows].map((entry) => canonical.value(entry?.value));
  // Rows have their own number, and convex-test's ids are not unique across components.
  return values.map((value) => value.replace(/<id \d+>/g, "<id>"));
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
