import { attack } from "./attack.js";
import { CORPUS } from "./corpus.js";
import { mutate } from "./mutate.js";
import { seeded } from "./random.js";

export type FuzzResult = {
  /** How many updates came to what: a refusal's code, or what was done. */
  verdicts: Map<string, number>;
  /** What should not have happened, with the bytes that made it happen. */
  problems: string[];
  slowestMs: number;
  /** Most growth of the heap that one update caused, in MB, as far as collections allow to see. */
  mostMegabytes: number;
};

/** Sends the corpus, and then so many mutations of it. */
export function fuzz(seed: number, updates: number): FuzzResult {
  const random = seeded(seed);
  const pick = () => CORPUS[Math.floor(random() * CORPUS.length)]!;
  const result: FuzzResult = { verdicts: new Map(), problems: [], slowestMs: 0, mostMegabytes: 0 };
  for (const bytes of CORPUS) send(bytes, result);
  // Neighbours of neighbours: what was accepted is where the next ones start from.
  let start = pick();
  for (let n = 0; n < updates; n++) {
    const bytes = mutate(start, pick(), random);
    const isRefused = send(bytes, result);
    if (isRefused || bytes.length > 4_096 || random() < 0.3) start = pick();
    else start = bytes;
  }
  return result;
}

function again(bytes: Uint8Array): number {
  const start = performance.now();
  attack(bytes);
  return performance.now() - start;
}

/** @returns whether it was refused. */
function send(bytes: Uint8Array, result: FuzzResult): boolean {
  const heap = process.memoryUsage().heapUsed;
  const start = performance.now();
  const { verdict, problem } = attack(bytes);
  const ms = performance.now() - start;
  // What is slow twice is slow by itself, and not because of what else the machine does.
  if (ms > result.slowestMs)
    result.slowestMs = Math.max(result.slowestMs, Math.min(ms, again(bytes)));
  const megabytes = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
  result.mostMegabytes = Math.max(result.mostMegabytes, megabytes);
  result.verdicts.set(verdict, (result.verdicts.get(verdict) ?? 0) + 1);
  if (problem !== null) {
    result.problems.push(`${problem}: ${Buffer.from(bytes).toString("hex")}`);
  }
  return !["write", "unchanged"].includes(verdict);
}
