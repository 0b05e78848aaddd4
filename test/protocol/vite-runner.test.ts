// @vitest-environment node
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { loadTypeScript } from "../../dev/vite.mjs";
import { api } from "./fixture/convex/_generated/api.js";
import { connectHttp } from "./fixture/harness.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** As `npm start` runs it. Vite's module runner needs timers to import, which functions must not. */
it("the backend runs under Vite, without Vitest", async () => {
  const modules = await loadTypeScript(ROOT);
  onTestFinished(() => modules.close());
  const { startBackend } = await modules.load("/dev/backend/index.ts");
  const { fixtureApp } = await modules.load("/test/protocol/fixture/app.ts");
  const backend = await startBackend({ app: fixtureApp });
  onTestFinished(() => backend.close());

  const client = connectHttp(backend);
  await client.mutation(api.messages.send, { channel: "general", body: "hello" });
  expect(await client.query(api.messages.count, { channel: "general" })).toBe(1);
});
