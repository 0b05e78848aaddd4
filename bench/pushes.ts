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
import { ms, percentiles, time, type Figure } from "./measure.js";

const PER_SECOND = 1000;
const SECONDS = 5;
const WARM_UP = 500;
/** For the highest rate: as many at once as there might be clients. */
const CLIENTS = 100;

/** Any but the server's own. */
const CLIENT_ID = 7;

const SENDER = { secret: "0".repeat(32), lines: ["bench"], identity: null };

const { tree } = compileFields(taskFields);

/** Small documents through the real `tasks:push`, each in a push of its own. */
export async function pushes(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    return [
      ...(await atFixedRate("in memory", null)),
      ...(await atFixedRate("synced to disk", join(folder, "data"))),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function atFixedRate(where: string, dataFolder: string | null): Promise<Figure[]> {
  const engine = await createEngine({
    modules: import.meta.glob("../test/sync/app/convex/**/*.ts"),
    register: (t) => register(t),
  });
  await engine.open(dataFolder);
  const total = PER_SECOND * SECONDS;
  const changes = Array.from({ length: WARM_UP + 2 * total }, (_, i) => insertion(i));
  for (const change of changes.splice(0, WARM_UP)) await push(engine, change);
  engine.metrics.reset();

  const durations: number[] = [];
  const running: Promise<void>[] = [];
  const start = performance.now();
  for (const change of changes.splice(0, total)) {
    const due = start + (running.length * 1000) / PER_SECOND;
    if (due > performance.now()) await wait(due - performance.now());
    // From when it should have been sent: what waits for its turn counts.
    running.push(push(engine, change).then(() => void durations.push(performance.now() - due)));
  }
  await Promise.all(running);
  const seconds = (performance.now() - start) / 1000;

  const closed = await time(() =>
    Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let next = changes.pop(); next !== undefined; next = changes.pop()) {
          await push(engine, next);
        }
      }),
    ),
  );
  const { conflicts, calls } = engine.metrics.get("tasks:push");
  await engine.close();
  return [
    {
      what: `${PER_SECOND} pushes a second for ${SECONDS} s, ${where}`,
      result: `${Math.round(total / seconds)} a second; ${percentiles(durations)}`,
    },
    {
      what: `as many pushes as go, from ${CLIENTS} clients, ${where}`,
      result: `${Math.round((total * 1000) / closed)} a second (${total} in ${ms(closed)})`,
    },
    { what: `conflicts of these ${calls} pushes, ${where}`, result: String(conflicts) },
  ];
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
