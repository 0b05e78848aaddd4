// @ts-check
/**
 * `npm start`: the example in a browser, with a backend of its own on this machine. Needs nothing
 * but Node: it installs and builds what is missing first.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DATA_FILE = fileURLToPath(new URL("../.cache/dev-data.jsonl", import.meta.url));

/** Convex's own for a local deployment, and Vite's: kept while free, for pages remember them. */
const BACKEND_PORT = 3210;
const PAGE_PORT = 5173;

ensureInstalled();
ensureBuilt();
// Not before: these need node_modules.
const { loadTypeScript, servePage } = await import("./vite.mjs");

const modules = await loadTypeScript(ROOT);
/** @type {typeof import("./backend/example.js")} */
const { startExampleBackend } = await modules.load("/dev/backend/example.ts");
const backend = await startExampleBackend({
  preferredPort: BACKEND_PORT,
  dataFile: DATA_FILE,
  onFunctionError: (path, message) => console.error(`${path}: ${message}`),
});
const page = await servePage(`${ROOT}example`, PAGE_PORT, { VITE_CONVEX_URL: backend.url });
console.log(
  `The example is at ${page.url} (backend ${backend.url}, data in ${relative(ROOT, DATA_FILE)}). Ctrl-C stops it.`,
);

let stopping = false;
// Vite would exit on its own, before the data file is closed.
process.removeAllListeners("SIGTERM");
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void stop());

async function stop() {
  if (stopping) return;
  stopping = true;
  await page.close();
  await backend.close();
  await modules.close();
  process.exit(0);
}
