// @ts-check
/** `npm run bench`: measures, and writes what came of it beside this file. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { loadTypeScript } from "../dev/vite.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const REPORT = fileURLToPath(new URL("engine.md", import.meta.url));

const modules = await loadTypeScript(ROOT);
try {
  const { engineReport } = await modules.load("/bench/engine.ts");
  const report = await engineReport();
  const options = await resolveConfig(REPORT);
  writeFileSync(REPORT, await format(report, { ...options, parser: "markdown" }));
} finally {
  await modules.close();
}
