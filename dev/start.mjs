// @ts-check
/**
 * `npm start`: the example in a browser, with a backend of its own on this machine. Needs nothing
 * but Node: it installs and builds what is missing first.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DATA_FOLDER = join(ROOT, ".cache/dev-data");

/** What Convex and Vite use by themselves. Kept while free: a page's storage hangs on its address. */
const BACKEND_PORT = 3210;
const PAGE_PORT = 5173;

async function start() {
  ensureInstalled();
  ensureBuilt();
  // Not before: these need node_modules.
  const { startFollowingBackend } = await import("./example-backend.mjs");
  const { servePage } = await import("./vite.mjs");

  const backend = await startFollowingBackend({
    root: ROOT,
    preferredPort: BACKEND_PORT,
    dataFolder: DATA_FOLDER,
    log: console.error,
  });
  const page = await servePage(join(ROOT, "example"), PAGE_PORT, { VITE_CONVEX_URL: backend.url });
  stopOnSignal(async () => {
    await page.close();
    await backend.close();
  });
  console.log(
    `The example is at ${page.url} (its backend at ${backend.url}, its data in ${relative(ROOT, DATA_FOLDER)}). Ctrl-C stops it.`,
  );
}

/** @param {() => Promise<void>} stop */
function stopOnSignal(stop) {
  let stopping = false;
  const onSignal = async () => {
    if (stopping) return;
    stopping = true;
    await stop();
    process.exit(0);
  };
  // Vite would exit on its own, before the data file is closed.
  process.removeAllListeners("SIGTERM");
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void onSignal());
}

start().catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
