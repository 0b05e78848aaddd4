import { register } from "convex-replicate/test";
import type { Value } from "convex/values";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createEngine, type Engine } from "../dev/backend/engine/engine.js";
import { compileFields } from "../src/shared/compiled-fields.js";
import { difference, flatten } from "../src/shared/operations.js";
import { FIELDS_PART, loadPart, mintUpdate, readFlat } from "../src/shared/plain-part.js";
import { toArrayBuffer } from "../src/shared/values.js";
import type { Change } from "../src/shared/wire.js";
import { taskFields } from "../test/sync/app/convex/fields.js";
import { percentiles, time, type Figure } from "./measure.js";

const PER_SECOND = 1000;
const SECONDS = 5;
const TOTAL = PER_SECOND * SECONDS;
const WARM_UP = 500;
/** For the highest rate: as many at once as there might be clients. */
const CLIENTS = 100;
/** Others may use the machine meanwhile: what counts is what it can do. */
const ROUNDS = 3;

/** Any but the server's own. */
const CLIENT_ID = 7;

const SENDER = { secret: "0".repeat(32), pageIds: ["bench"], identity: null };

const { tree } = compileFields(taskFields);

/** Small documents through the real `tasks:push`, each in a push of its own. */
export async function pushes(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    return [
      ...(await measure("in memory", () => null)),
      ...(await measure("synced to disk", (round) => join(folder, `${round}`))),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(
  where: string,
  dataFolder: (round: number) => string | null,
): Promise<Figure[]> {
  const offered: Result[] = [];
  const closed: Result[] = [];
  const atOnce: Result[] = [];
  let conflicts = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const engine = await start(dataFolder(round));
    let made = 0;
    const more = (count: number) => Array.from({ length: count }, () => insertion(made++));
    for (const change of more(WARM_UP)) await push(engine, change);
    engine.metrics.reset();
    offered.push(await atFixedRate(engine, more(TOTAL)));
    closed.push(await fromClients(engine, more(TOTAL), CLIENTS));
    atOnce.push(await fromClients(engine, more(TOTAL), TOTAL));
    conflicts += engine.metrics.get("tasks:push").conflicts;
    await engine.close();
  }
  return [
    { what: `${PER_SECOND} pushes a second for ${SECONDS} s, ${where}`, result: best(offered) },
    { what: `as many pushes as go, from ${CLIENTS} clients, ${where}`, result: best(closed) },
    { what: `${TOTAL} pushes that all come at once, ${where}`, result: best(atOnce) },
    { what: `conflicts of these ${3 * ROUNDS * TOTAL} pushes, ${where}`, result: `${conflicts}` },
  ];
}

interface Result {
  perSecond: number;
  /** Of this process: other work on the machine hardly changes it. */
  cpuMs: number;
  /** From when each should have been sent; only where there was a time. */
  latencies: number[];
}

function best(results: readonly Result[]): string {
  const { perSecond, latencies } = results.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
  const cpu = Math.min(...results.map(({ cpuMs }) => cpuMs));
  const late = latencies.length === 0 ? "" : `; ${percentiles(latencies)}`;
  return `${Math.round(perSecond)} a second${late}; ${cpu.toFixed(2)} ms of CPU each`;
}

async function start(dataFolder: string | null): Promise<Engine> {
  const engine = await createEngine({
    modules: import.meta.glob("../test/sync/app/convex/**/*.ts"),
    register: (t) => register(t),
  });
  await engine.open(dataFolder);
  return engine;
}

async function atFixedRate(engine: Engine, changes: readonly Change[]): Promise<Result> {
  const latencies: number[] = [];
  return timed(latencies, async () => {
    const running: Promise<void>[] = [];
    const start = performance.now();
    for (const change of changes) {
      const due = start + (running.length * 1000) / PER_SECOND;
      if (due > performance.now()) await wait(due - performance.now());
      // From when it should have been sent: what waits for its turn counts.
      running.push(push(engine, change).then(() => void latencies.push(performance.now() - due)));
    }
    await Promise.all(running);
  });
}

/** Each client sends its next push when the last one has been answered. */
async function fromClients(engine: Engine, changes: Change[], clients: number): Promise<Result> {
  const client = async () => {
    for (let next = changes.pop(); next !== undefined; next = changes.pop()) {
      await push(engine, next);
    }
  };
  return timed([], () => Promise.all(Array.from({ length: clients }, client)));
}

async function timed(latencies: number[], body: () => Promise<unknown>): Promise<Result> {
  const before = process.cpuUsage();
  const ms = await time(body);
  const { user, system } = process.cpuUsage(before);
  return { perSecond: (TOTAL * 1000) / ms, cpuMs: (user + system) / 1000 / TOTAL, latencies };
}

async function push(engine: Engine, change: Change): Promise<void> {
  const args = { sender: SENDER, changes: [change] as unknown as Value };
  const { outcome } = await engine.runMutation({ path: "tasks:push", args, identity: null });
  if (outcome.type === "error") throw new Error(outcome.message);
  const [answer] = outcome.value as unknown as [{ result: { status: string } }];
  if (answer.result.status !== "accepted") throw new Error(JSON.stringify(answer));
}

function insertion(i: number): Change {
  const doc = loadPart([]);
  const row = { id: `task-${i}`, title: `Task ${i}`, votes: i };
  const update = mintUpdate(doc, difference(readFlat(doc), flatten(row, tree)), CLIENT_ID)!;
  const parts = [{ part: FIELDS_PART, update: toArrayBuffer(update) }];
  return { document: row.id, generation: 1, op: "insert", parts };
}
