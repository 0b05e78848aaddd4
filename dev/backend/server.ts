import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { handleHttp, type HttpContext } from "./http.js";
import type { Sync } from "./protocol/sync.js";

const HOST = "127.0.0.1";
const ANY_PORT = 0;
const SYNC_PATH = /^\/api\/[^/]+\/sync$/;

export interface ServerContext extends HttpContext {
  sync: Sync;
}

export interface ListeningServer {
  url: string;
  close(): Promise<void>;
}

/** Serves the sync protocol and the HTTP API on loopback. */
export async function listen(context: ServerContext, port: number): Promise<ListeningServer> {
  const { faults, sync } = context;
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer((request, response) => void handleHttp(context, request, response));
  server.on("upgrade", (request, socket, head) => {
    if (faults.refusing || !SYNC_PATH.test(request.url ?? "")) return void socket.destroy();
    sockets.handleUpgrade(request, socket, head, (webSocket) => sync.accept(webSocket));
  });
  const bound = await bind(server, port);
  return {
    url: `http://${HOST}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        sync.dropAll();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** On `preferredPort`, or on any other when that is taken. */
export async function listenNear(
  context: ServerContext,
  preferredPort: number,
): Promise<ListeningServer> {
  try {
    return await listen(context, preferredPort);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return listen(context, ANY_PORT);
  }
}

function bind(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
