import type { IncomingMessage, ServerResponse } from "node:http";
import type { UserIdentity } from "convex/server";
import type { FaultCommand } from "./fault-commands.js";
import { applyFault } from "./fault-commands.js";
import type { Faults } from "./faults.js";
import { readDevToken, TokenError } from "./identity.js";
import type { Calls } from "./protocol/calls.js";
import { decodeArgs, encodeOutcome, encodeTs } from "./protocol/encoding.js";
import type { FunctionKind, Outcome, Runtime } from "./runtime.js";

export interface HttpContext {
  runtime: Runtime;
  calls: Calls;
  faults: Faults;
}

/** Convex's status for "the function itself failed". */
const FUNCTION_FAILED = 560;
const MAX_BODY_BYTES = 20 * 1024 * 1024;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
};

/** `query_at_ts` answers from the newest data: there is no history to go back to. */
const KIND_OF_PATH: Record<string, FunctionKind> = {
  "/api/query": "query",
  "/api/query_at_ts": "query",
  "/api/mutation": "mutation",
  "/api/action": "action",
};

/** The HTTP half of Convex's client API; `/dev/faults` and `/dev/metrics` are for other processes. */
export async function handleHttp(
  context: HttpContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "OPTIONS") return reply(response, 204, undefined);
  if (pathname === "/dev/faults") return handleFaults(context.faults, request, response);
  if (pathname === "/dev/metrics") return handleMetrics(context.runtime, request, response);
  if (context.faults.refusing) return void request.socket.destroy();
  const kind = KIND_OF_PATH[pathname];
  try {
    if (kind !== undefined) return await handleCall(context, kind, request, response);
    if (pathname === "/api/query_ts") {
      const ts = await context.runtime.snapshot(async (snapshot) => snapshot.ts);
      return reply(response, 200, { ts: encodeTs(ts) });
    }
    if (pathname.startsWith("/api/") || !(await handleHttpAction(context, request, response))) {
      reply(response, 404, { code: "NotFound", message: `Nothing is served at ${pathname}` });
    }
  } catch (error) {
    if (error instanceof TokenError) {
      return reply(response, 401, { code: "Unauthenticated", message: error.message });
    }
    reply(response, 500, { code: "InternalServerError", message: String(error) });
  }
}

async function handleCall(
  { calls }: HttpContext,
  kind: FunctionKind,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const identity = identityOf(request);
  const { path, args } = (await readJson(request)) as { path: string; args: unknown };
  const { outcome, lost } = await calls[kind]({ path, args: decodeArgs(args), identity });
  if (lost) return void request.socket.destroy();
  reply(response, outcome.type === "value" ? 200 : FUNCTION_FAILED, toBody(outcome));
}

function toBody(outcome: Outcome): object {
  const answer = encodeOutcome(outcome);
  if (answer.success) return { status: "success", value: answer.result, logLines: [] };
  const { result: errorMessage, errorData } = answer;
  return { status: "error", errorMessage, errorData, logLines: [] };
}

async function handleFaults(
  faults: Faults,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === "POST") {
    try {
      applyFault(faults, (await readJson(request)) as FaultCommand);
    } catch (error) {
      return reply(response, 400, { code: "BadFaultCommand", message: String(error) });
    }
  }
  reply(response, 200, faults.state());
}

function handleMetrics(
  { metrics }: Runtime,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.method === "DELETE") metrics?.reset();
  reply(response, 200, metrics?.all() ?? {});
}

/** Returns whether the app's `http.ts` had a route for it. On Convex it has an address of its own. */
async function handleHttpAction(
  { runtime }: HttpContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const body = ["GET", "HEAD"].includes(request.method ?? "GET")
    ? null
    : new Uint8Array(await readBody(request));
  const headers = Object.entries(request.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "localhost"}`);
  const answer = await runtime.handleHttp(
    new Request(url, { method: request.method ?? "GET", headers, body }),
    identityOf(request),
  );
  if (answer === null) return false;
  response.writeHead(answer.status, [...answer.headers].flat());
  response.end(Buffer.from(await answer.arrayBuffer()));
  return true;
}

function identityOf(request: IncomingMessage): UserIdentity | null {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  return token === undefined ? null : readDevToken(token).identity;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  return JSON.parse((await readBody(request)).toString("utf8"));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw new Error(`The request is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function reply(response: ServerResponse, status: number, body: object | undefined): void {
  response.writeHead(status, { "content-type": "application/json", ...CORS });
  response.end(body && JSON.stringify(body));
}
