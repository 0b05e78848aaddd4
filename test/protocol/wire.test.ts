// @vitest-environment node
import { afterEach, describe, expect, it, vi } from "vitest";
import { EventEmitter } from "node:events";
import WebSocket from "ws";
import { toFrames } from "../../dev/backend/protocol/chunks.js";
import { Connection } from "../../dev/backend/protocol/connection.js";
import type { ServerMessage, Transition } from "../../dev/backend/protocol/messages.js";
import { startFixture } from "./fixture/harness.js";

describe("a client that breaks the protocol", () => {
  it.each([
    [{ type: "ModifyQuerySet", baseVersion: 3, newVersion: 4, modifications: [] }, "Base version"],
    [{ type: "Mutation", requestId: 0, udfPath: "messages:send", args: [{}] }, "before Connect"],
    [{ type: "Authenticate", baseVersion: 0, tokenType: "Admin", value: "x" }, "no admin access"],
    [{ type: "Dance" }, "Unknown message"],
    ["dance!", "Unknown message"],
    [undefined, "not JSON"],
  ])("is told so, and disconnected (%o)", async (message, reason) => {
    const { url } = await startFixture();
    const socket = new WebSocket(`${url.replace("http", "ws")}/api/1.48.0/sync`);
    const received: ServerMessage[] = [];
    socket.on("message", (data) => received.push(JSON.parse(String(data)) as ServerMessage));
    socket.on("open", () => socket.send(JSON.stringify(message) ?? "dance!"));
    await new Promise((resolve) => socket.on("close", resolve));
    expect(received).toMatchObject([
      { type: "FatalError", error: expect.stringContaining(reason) },
    ]);
  });
});

describe("a port", () => {
  it("that is preferred gives way when it is taken", async () => {
    const first = await startFixture();
    const port = Number(new URL(first.url).port);
    const second = await startFixture({ preferredPort: port });
    expect(second.url).not.toBe(first.url);
    await second.close();
    await first.close();
    expect((await startFixture({ preferredPort: port })).url).toBe(first.url);
  });

  it("that is asked for must be free", async () => {
    const { url } = await startFixture();
    await expect(startFixture({ port: Number(new URL(url).port) })).rejects.toThrow("EADDRINUSE");
  });
});

describe("chunks", () => {
  it("put together give the transition, with no character torn apart", () => {
    const transition = transitionWith("a😀".repeat(20));
    for (const maxLength of [2, 3, 7, 50]) {
      const chunks = toFrames(transition, maxLength).map((frame) => JSON.parse(frame));
      // What the network does to a lone half of a pair.
      const arrived = chunks.map(({ chunk }) => Buffer.from(chunk, "utf8").toString("utf8"));
      expect(JSON.parse(arrived.join(""))).toEqual(transition);
      expect(chunks.map(({ partNumber }) => partNumber)).toEqual([...chunks.keys()]);
      expect(new Set(chunks.map(({ totalParts }) => totalParts))).toEqual(new Set([chunks.length]));
    }
  });

  it("are not used for what fits", () => {
    expect(toFrames(transitionWith("short"))).toHaveLength(1);
  });
});

describe("a silent connection", () => {
  afterEach(() => vi.useRealTimers());

  it("carries a Ping 15 seconds after the last message, until it closes", () => {
    vi.useFakeTimers();
    const sent: string[] = [];
    const socket = Object.assign(new EventEmitter(), {
      send: (frame: string) => sent.push((JSON.parse(frame) as ServerMessage).type),
    });
    const connection = new Connection(
      socket as unknown as WebSocket,
      () => {},
      () => {},
    );
    vi.advanceTimersByTime(10_000);
    connection.send(transitionWith("news"));
    vi.advanceTimersByTime(14_999);
    expect(sent).toEqual(["Transition"]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual(["Transition", "Ping"]);
    socket.emit("close");
    expect(vi.getTimerCount()).toBe(0);
  });
});

function transitionWith(value: string): Transition {
  const version = { querySet: 0, identity: 0, ts: "AAAAAAAAAAA=" };
  return {
    type: "Transition",
    startVersion: version,
    endVersion: version,
    modifications: [{ type: "QueryUpdated", queryId: 0, value, logLines: [], journal: null }],
    serverTs: 0,
  };
}
