// @vitest-environment node
import { expect, it } from "vitest";
import { createEngine } from "../../dev/backend/engine/engine.js";
import { devToken } from "../../dev/backend/index.js";
import { fixtureApp } from "../protocol/fixture/app.js";
import { api } from "../protocol/fixture/convex/_generated/api.js";
import { connect, startFixture, watch } from "../protocol/fixture/harness.js";

const SUBSCRIBERS = 8;

async function startEngine() {
  const engine = await createEngine(fixtureApp);
  return { engine, backend: await startFixture({ app: engine }) };
}

it("a write re-runs the one query whose range it is in", async () => {
  const { engine, backend } = await startEngine();
  const client = connect(backend);
  const channels = Array.from({ length: SUBSCRIBERS }, (_, i) => `channel ${i}`);
  const watches = channels.map((channel) => watch(client, api.messages.list, { channel }));
  await Promise.all(watches.map((one) => one.until((rows) => rows.length === 0)));
  expect(engine.metrics.get("messages:list").calls).toBe(SUBSCRIBERS);

  await client.mutation(api.messages.send, { channel: "channel 3", body: "hello" });
  await watches[3]!.until((rows) => rows.length === 1);
  expect(engine.metrics.get("messages:list").calls).toBe(SUBSCRIBERS + 1);

  await client.mutation(api.messages.send, { channel: "nobody's", body: "hello" });
  expect(engine.metrics.get("messages:list").calls).toBe(SUBSCRIBERS + 1);
});

it("subscribers of the same query share its runs, whoever they are", async () => {
  const { engine, backend } = await startEngine();
  const watches = [];
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const client = connect(backend);
    if (i % 2 === 1) client.setAuth(async () => devToken({ sub: `user ${i}` }));
    watches.push(watch(client, api.values.files, {}));
    await watches[i]!.until((files) => files.length === 0);
  }
  expect(engine.metrics.get("values:files").calls).toBe(1);

  await connect(backend).mutation(api.values.storeFile, { bytes: new ArrayBuffer(1) });
  await Promise.all(watches.map((one) => one.until((files) => files.length === 1)));
  expect(engine.metrics.get("values:files").calls).toBe(2);
});

it("a query that asks who calls runs once for each of them", async () => {
  const { engine, backend } = await startEngine();
  const watches = [];
  for (const sub of ["ada", "ada", "bob", "eve"]) {
    const client = connect(backend);
    client.setAuth(async () => devToken({ sub }));
    watches.push(watch(client, api.values.myFiles, {}));
    await watches.at(-1)!.until(({ owner }) => owner === sub);
  }
  const { calls } = engine.metrics.get("values:myFiles");

  await connect(backend).mutation(api.values.storeFile, { bytes: new ArrayBuffer(1) });
  await Promise.all(watches.map((one) => one.until(({ count }) => count === 1)));
  expect(engine.metrics.get("values:myFiles").calls - calls).toBe(3);
});
