// @ts-check
/**
 * A stand-in for a deployment on loopback. `convex codegen` writes validators' types from what a
 * deployment says about the pushed code; this one says it without a login or a network.
 */
import { createServer } from "node:http";
import { brotliDecompressSync } from "node:zlib";
import { answerPush } from "./push.mjs";

const HOST = "127.0.0.1";

/**
 * @param {string} scratchDir an existing folder below which packages resolve
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startDeployment(scratchDir) {
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(request, scratchDir);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, HOST, () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://${HOST}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {string} scratchDir
 * @returns {Promise<{ status: number, body: object }>}
 */
async function answer(request, scratchDir) {
  try {
    const body = await readBody(request);
    switch (request.url) {
      case "/api/get_config_hashes": // nothing is deployed yet, so the CLI sends every module
        return { status: 200, body: { config: EMPTY_CONFIG, moduleHashes: [] } };
      case "/api/deploy2/start_push":
        return { status: 200, body: await answerPush(JSON.parse(body), scratchDir) };
      default:
        return failure(404, "NotFound", `The codegen stand-in has no ${request.url}.`);
    }
  } catch (error) {
    // The pushed code threw while it was imported: the CLI prints this as it would on a deployment.
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return failure(400, "InvalidModules", message);
  }
}

const EMPTY_CONFIG = { functions: "", authInfo: [] };

/**
 * @param {number} status
 * @param {string} code
 * @param {string} message
 */
function failure(status, code, message) {
  return { status, body: { code, message } };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @returns {Promise<string>}
 */
async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const compressed = request.headers["content-encoding"] === "br";
  return (compressed ? brotliDecompressSync(bytes) : bytes).toString("utf8");
}
