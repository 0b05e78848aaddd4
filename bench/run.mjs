// @ts-check
/** `npm run bench [-- engine | example | compaction | statistics | import]`: measures, and writes what came of it beside this file. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { loadTypeScript } from "../dev/vite.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SUBJECTS = ["engine", "example", "compaction", "statistics", "import"];

const wanted = process.argv.slice(2);
const unknown = wanted.find((subject) => !SUBJECTS.includes(subject));
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}": ${SUBJECTS.join(" or ")}.`);
  process.exit(2);
}

const modules = await loadTypeScript(ROOT);
try {
  for (const subject of wanted.length > 0 ? wanted : SUBJECTS) {
    const { report } = await modules.load(`/bench/${subject}.ts`);
    const path = fileURLToPath(new URL(`${subject}.md`, import.meta.url));
    const options = await resolveConfig(path);
    writeFileSync(path, await format(await report(), { ...options, parser: "markdown" }));
  }
} finally {
  await modules.close();
}
