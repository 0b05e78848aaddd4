// @vitest-environment node
import { httpActionGeneric, httpRouter } from "convex/server";
import { expect, it, onTestFinished } from "vitest";
import { startBackend, type FunctionMetrics } from "../../dev/backend/index.js";
import { inlineApp } from "../../dev/backend/engine/inline-app.js";
import { api } from "./fixture/convex/_generated/api.js";
import { connectHttp, startFixture } from "./fixture/harness.js";

it("tells what functions cost, and forgets it when asked to", async () => {
  const backend = await startFixture();
  await connectHttp(backend).mutation(api.messages.send, { channel: "general", body: "hi" });
  const read = async (method = "GET") => {
    const response = await fetch(`${backend.url}/dev/metrics`, { method });
    return (await response.json()) as Record<string, FunctionMetrics>;
  };
  const metrics = await read();
  expect(metrics["messages:send"]).toMatchObject({ calls: 1, documentsWritten: 2, conflicts: 0 });
  expect(metrics["counter/counts:add"]).toMatchObject({ nestedCalls: 1, documentsWritten: 1 });
  expect(metrics["messages:send"]).toEqual(backend.metrics.get("messages:send"));
  await read("DELETE");
  expect(await read()).toEqual({});
});

it("serves the routes of the app's http.ts", async () => {
  const http = httpRouter();
  http.route({
    pathPrefix: "/echo/",
    method: "POST",
    handler: httpActionGeneric(async (_ctx, request) => {
      const { pathname } = new URL(request.url);
      const headers = { "x-kind": "echo" };
      return new Response(`${pathname} ${await request.text()}`, { status: 201, headers });
    }),
  });
  const backend = await startBackend({ app: inlineApp({ modules: { http: { default: http } } }) });
  onTestFinished(() => backend.close());
  const response = await fetch(`${backend.url}/echo/a`, { method: "POST", body: "ä" });
  expect(await response.text()).toBe("/echo/a ä");
  expect([response.status, response.headers.get("x-kind")]).toEqual([201, "echo"]);
  expect((await fetch(`${backend.url}/elsewhere`)).status).toBe(404);
});
