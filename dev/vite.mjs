// @ts-check
/** What `npm start` needs of Vite: running our TypeScript, and serving the example's page. */
import { createServer, normalizePath } from "vite";

const HOST = "127.0.0.1";

/** Folders that change often and hold no code that is run from here. */
const IGNORED = ["**/dist/**", "**/.cache/**"];

/**
 * Runs TypeScript of this repository, `import.meta.glob` included, until `close`.
 *
 * @param {string} root
 */
export async function loadTypeScript(root) {
  const server = await createServer({
    root,
    configFile: false,
    appType: "custom",
    logLevel: "error",
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, hmr: false, ws: false, watch: { ignored: IGNORED } },
    // The `./test` entries of components are TypeScript, too.
    ssr: { noExternal: [/^@convex-dev\//] },
  });
  return {
    /**
     * @param {string} path from the root, with a leading slash
     * @returns {Promise<any>}
     */
    load: (path) => server.ssrLoadModule(path),
    /**
     * Calls back after a file in `folder` changed; what is loaded then is new.
     *
     * @param {string} folder
     * @param {() => void} onChange
     */
    watch: (folder, onChange) => {
      server.watcher.on("all", (_event, file) => {
        if (normalizePath(file).startsWith(normalizePath(folder))) onChange();
      });
    },
    close: () => server.close(),
  };
}

/**
 * Serves the page in `folder`, on `port` or the next free one.
 *
 * @param {string} folder
 * @param {number} port
 * @param {Record<string, string>} env what the page reads from `import.meta.env`
 */
export async function servePage(folder, port, env) {
  // Vite prefers the process's variables to those of `.env` files.
  Object.assign(process.env, env);
  const server = await createServer({
    root: folder,
    logLevel: "warn",
    clearScreen: false,
    server: { host: HOST, port },
  });
  await server.listen();
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error("Vite did not say where it serves the page.");
  return { url, close: () => server.close() };
}
