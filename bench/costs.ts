import { VirtualClock } from "../dev/backend/engine/clock.js";
import type { FunctionMetrics } from "../dev/backend/runtime.js";
import { startWorld, type Writer } from "../test/contention/world.js";

const START = Date.UTC(2026, 0, 1);
export const SECOND = 1_000;
const PER_PUSH = 100;

/** A world whose clock moves on by itself: a second with every push. */
export async function virtualWorld(compaction = {}) {
  const clock = new VirtualClock(START);
  const world = await startWorld(compaction, { clock });
  const wait = (ms: number) => clock.advanceTo(clock.now() + ms, () => world.engine.settle());
  return { world, wait };
}

export type Virtual = Awaited<ReturnType<typeof virtualWorld>>;

/** Changes every document, 100 to a push and one push a second. */
export async function inPushes(
  { world, wait }: Virtual,
  writer: Writer,
  ids: string[],
  change: (id: string) => ReturnType<Writer["insert"]>,
) {
  for (let at = 0; at < ids.length; at += PER_PUSH) {
    await wait(SECOND);
    await world.push(writer, ...ids.slice(at, at + PER_PUSH).map(change));
  }
}

const COST_COLUMNS = ["index ranges", "read", "KB read", "written", "KB written", "conflicts"];

/** What one call of a function came to, or each of so many. */
export function costRow(what: string, metrics: FunctionMetrics, per = metrics.calls): string {
  const each = (count: number) => String(Number((count / per).toFixed(1)));
  const { databaseQueries, documentsRead, bytesRead, documentsWritten, bytesWritten, conflicts } =
    metrics;
  const cells = [
    each(databaseQueries),
    each(documentsRead),
    each(bytesRead / 1_000),
    each(documentsWritten),
    each(bytesWritten / 1_000),
    String(conflicts),
  ];
  return `| ${[what, ...cells].join(" | ")} |`;
}

export const costTable = (what: string, rows: string[]) =>
  [`| ${[what, ...COST_COLUMNS].join(" | ")} |`, `|${" --- |".repeat(COST_COLUMNS.length + 1)}`]
    .concat(rows)
    .join("\n");
