import { cpus } from "node:os";
import type { Figure } from "./measure.js";
import { pages } from "./page.js";
import { pushes } from "./pushes.js";
import { restart } from "./restart.js";
import { subscriptions } from "./subscriptions.js";

const BENCHMARKS: Record<string, () => Promise<Figure[]>> = {
  "Reading a page": pages,
  Subscriptions: subscriptions,
  Pushes: pushes,
  Restart: restart,
};

/** Runs all benchmarks of the embedded backend, and returns them as Markdown. */
export async function engineReport(): Promise<string> {
  const sections: string[] = [];
  for (const [title, run] of Object.entries(BENCHMARKS)) {
    const rows = (await run()).map(({ what, result }) => `| ${what} | ${result} |`);
    const section = [`## ${title}`, "", "| what | result |", "| --- | --- |", ...rows].join("\n");
    console.log(section);
    sections.push(section);
  }
  const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
  return [
    `# The embedded backend`,
    `Made by \`npm run bench\` on ${machine}. Rates are the best of several rounds.`,
    ...sections,
    "",
  ].join("\n\n");
}
