// @vitest-environment node
import { ConvexReactClient } from "convex/react";
import { expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { api } from "./fixture/convex/_generated/api.js";
import { startFixture } from "./fixture/harness.js";

it("ConvexReactClient subscribes, writes and reads its own writes", async () => {
  const { url } = await startFixture();
  const client = new ConvexReactClient(url, {
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    logger: false,
  });
  onTestFinished(() => client.close());
  const list = client.watchQuery(api.messages.list, { channel: "general" });
  onTestFinished(list.onUpdate(() => {}));

  await client.mutation(api.messages.send, { channel: "general", body: "hello" });
  expect(list.localQueryResult()).toEqual(["hello"]);
  expect(await client.query(api.messages.count, { channel: "general" })).toBe(1);
});
