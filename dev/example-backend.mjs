// @ts-check
/** The example's backend under `npm start`: it follows the files in `example/convex`. */
import { join } from "node:path";
import { loadTypeScript } from "./vite.mjs";

/** Editors write a file in several steps, and several files at once. */
const SETTLE_MS = 100;

/**
 * Starts the backend, and starts it anew, with the same address and data, whenever one of the
 * example's functions changes. Clients reconnect by themselves.
 *
 * @param {{ root: string, preferredPort: number, dataFolder: string, log: (line: string) => void }} options
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function startFollowingBackend({ root, preferredPort, dataFolder, log }) {
  const modules = await loadTypeScript(root);
  /** @type {import("./backend/index.js").BackendOptions["onFunctionError"]} */
  const onFunctionError = (path, message) => log(`${path}: ${message}`);
  /** @type {typeof import("./backend/index.js")} */
  const { startBackend } = await modules.load("/dev/backend/index.ts");
  /** @returns {Promise<import("./backend/index.js").Runtime>} */
  const loadExample = async () => (await modules.load("/dev/backend/example.ts")).loadExample();

  let backend = await startBackend({
    app: await loadExample(),
    preferredPort,
    dataFolder,
    onFunctionError,
  });
  const { url } = backend;
  let turn = Promise.resolve();

  async function restart() {
    // Functions that do not load leave the old ones running.
    const app = await loadExample();
    await backend.close();
    const port = Number(new URL(url).port);
    backend = await startBackend({ app, port, dataFolder, onFunctionError });
    log("The functions in example/convex were reloaded.");
  }

  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  modules.watch(join(root, "example/convex"), () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      turn = turn.then(restart).catch((error) => log(error.message));
    }, SETTLE_MS);
  });

  return {
    url,
    close: async () => {
      clearTimeout(timer);
      await turn;
      await backend.close();
      await modules.close();
    },
  };
}
