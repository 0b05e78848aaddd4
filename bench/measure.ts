import { cpus } from "node:os";

/** One line of the report. */
export interface Figure {
  what: string;
  result: string;
}

const PERCENTILES = [50, 95] as const;

/** How long `body` takes, in milliseconds. */
export async function time(body: () => unknown): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/** Runs `body` once to warm up, and then `times` times. */
export async function timeEach(times: number, body: (i: number) => unknown): Promise<number[]> {
  await body(0);
  const durations: number[] = [];
  for (let i = 1; i <= times; i++) durations.push(await time(() => body(i)));
  return durations;
}

export function median(durations: readonly number[]): number {
  return percentile(durations, 50);
}

/** `p50 1.2 ms, p95 3.4 ms`. */
export function percentiles(durations: readonly number[]): string {
  return PERCENTILES.map((p) => `p${p} ${ms(percentile(durations, p))}`).join(", ");
}

export function ms(duration: number): string {
  return `${duration.toFixed(duration < 10 ? 1 : 0)} ms`;
}

function percentile(durations: readonly number[], p: number): number {
  const sorted = [...durations].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100));
  return sorted[at]!;
}

/** As Markdown. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, result }) => `| ${what} | ${result} |`);
  return ["| what | result |", "| --- | --- |", ...rows].join("\n");
}

/** What the figures were measured on. */
export function machine(): string {
  return `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
}
