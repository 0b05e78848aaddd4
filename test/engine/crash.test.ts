// @vitest-environment node
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { createCounters, Ledger, readRows } from "./crash/load.js";
import { bundleChild, startChild, type Child } from "./crash/process.js";
import { Random } from "./programs/random.js";

/** `KILLS=200 npx vitest run --project integration test/engine/crash` */
const KILLS = Number(process.env.KILLS ?? 5);
const SEED = Number(process.env.SEED ?? 1);
const WRITERS = 6;
const MAX_LIFE_MS = 300;
/** Rows that are read at once: an array holds at most 8,192. */
const ROWS_READ = 5_000;

it(
  `${KILLS} times kill -9 under load: what was acknowledged is there`,
  {
    timeout: 3_000_000,
  },
  async () => {
    const random = new Random(SEED);
    const { folder, file } = await bundleChild();
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const dataFolder = join(mkdtempSync(join(tmpdir(), "engine-")), "data");
    onTestFinished(() => rmSync(join(dataFolder, ".."), { recursive: true }));

    const ledger = new Ledger();
    let child = await startChild(file, dataFolder);
    onTestFinished(() => child.kill());
    await createCounters(child.url, WRITERS);
    for (let kill = 0; kill < KILLS; kill++) {
      const firstUid = ledger.nextUid;
      const lastTs = ledger.lastTs;
      await loadAndKill(child, ledger, random.int(MAX_LIFE_MS));
      child = await startChild(file, dataFolder);
      await checkRound(child.url, ledger, firstUid, lastTs);
    }
    console.log(`${KILLS} kills, ${ledger.acknowledged.size} acknowledged commits, none lost`);
    expect(ledger.acknowledged.size).toBeGreaterThan(KILLS);
    for (let uid = 1_000_000; uid < ledger.nextUid; uid += ROWS_READ) {
      await checkRows(child.url, ledger, uid, uid + ROWS_READ);
    }
  },
);

async function loadAndKill(child: Child, ledger: Ledger, lifeMs: number): Promise<void> {
  const writers = Array.from({ length: WRITERS }, (_, i) => ledger.writeUntilCut(child.url, i));
  await wait(lifeMs);
  await child.kill();
  await Promise.all(writers);
}

/** Everything of the round, and that its timestamps come after all those of the rounds before. */
async function checkRound(
  url: string,
  ledger: Ledger,
  firstUid: number,
  lastTs: bigint,
): Promise<void> {
  const rows = await checkRows(url, ledger, firstUid, ledger.nextUid);
  for (const { ts } of rows) expect(ts).toBeGreaterThan(lastTs);
  const counters = await readRows(url, 0, WRITERS);
  expect(counters).toHaveLength(WRITERS);
  for (const { uid, n } of counters) {
    const { acknowledged, asked } = ledger.counters.get(uid)!;
    expect(n).toBeGreaterThanOrEqual(acknowledged);
    expect(n).toBeLessThanOrEqual(asked);
  }
}

async function checkRows(url: string, ledger: Ledger, from: number, to: number) {
  const rows = await readRows(url, from, to);
  const stored = new Map(rows.map(({ uid, ts }) => [uid, ts]));
  expect(stored.size).toBe(rows.length);
  for (const [uid, ts] of ledger.acknowledged) {
    if (uid >= from && uid < to) expect(stored.get(uid), `row ${uid}`).toBe(ts);
  }
  return rows;
}
