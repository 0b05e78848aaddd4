import { machine, table, type Figure } from "./measure.js";
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
export async function report(): Promise<string> {
  const sections: string[] = [];
  for (const [title, run] of Object.entries(BENCHMARKS)) {
    const section = `## ${title}\n\n${table(await run())}`;
    console.log(section);
    sections.push(section);
  }
  return [
    `# The embedded backend`,
    `Made by \`npm run bench\` on ${machine()}. Rates are the best of several rounds.`,
    ...sections,
    "",
  ].join("\n\n");
}
