// @vitest-environment node
import { describe, expect, it } from "vitest";
import { remoteFaults } from "../../dev/backend/index.js";
import { api } from "./fixture/convex/_generated/api.js";
import {
  connect,
  connectHttp,
  rejection,
  startFixture,
  untilConnection,
  watch,
} from "./fixture/harness.js";

const general = { channel: "general" };

describe("failNext", () => {
  it("before: fails that many calls of that function, which leave no trace", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ path: "messages:send", count: 2, when: "before" });
    for (let n = 0; n < 2; n++) {
      const error = await rejection(client.mutation(api.messages.send, { ...general, body: "no" }));
      expect(error.message).toContain("Injected fault");
    }
    await client.mutation(api.messages.send, { ...general, body: "yes" });
    expect(await client.query(api.messages.list, general)).toEqual(["yes"]);
    expect(backend.faults.calls.get("messages:send")).toBe(3);
  });

  it("meets only calls that fit", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ path: "messages:count", when: "before" });
    backend.faults.failNext({ kind: "action", when: "before" });
    await client.mutation(api.messages.send, { ...general, body: "fine" });
    expect(await client.query(api.messages.list, general)).toEqual(["fine"]);
    const action = client.action(api.messages.sendFromAction, { ...general, body: "x" });
    expect((await rejection(action)).message).toContain("Injected fault");
  });

  it("after: commits over HTTP, and cuts the answer off", async () => {
    const backend = await startFixture();
    const http = connectHttp(backend);
    backend.faults.failNext({ kind: "mutation", when: "after" });
    const error = await rejection(http.mutation(api.messages.send, { ...general, body: "done" }));
    expect(error.message).toBe("fetch failed");
    expect(await http.query(api.messages.list, general)).toEqual(["done"]);
  });

  it.each([
    ["before", "cut", "fetch failed", []],
    ["after", "error", "Injected fault", ["done"]],
  ] as const)("%s, as %s: over HTTP", async (when, how, message, stored) => {
    const backend = await startFixture();
    const http = connectHttp(backend);
    backend.faults.failNext({ kind: "mutation", when, how });
    const error = await rejection(http.mutation(api.messages.send, { ...general, body: "done" }));
    expect(error.message).toContain(message);
    expect(await http.query(api.messages.list, general)).toEqual(stored);
    backend.faults.failNext({ kind: "query", when, how });
    expect((await rejection(http.query(api.messages.list, general))).message).toContain(message);
  });

  it("before, as cut: the client sends the mutation again, and it runs once", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ path: "messages:send", when: "before", how: "cut" });
    await client.mutation(api.messages.send, { ...general, body: "once" });
    expect(await client.query(api.messages.list, general)).toEqual(["once"]);
    expect(client.connectionState().connectionCount).toBe(2);
    expect(backend.metrics.get("messages:send").calls).toBe(1);
  });

  it("after, as an error: the caller believes that it failed, and it has committed", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ path: "messages:send", when: "after", how: "error" });
    const error = await rejection(client.mutation(api.messages.send, { ...general, body: "done" }));
    expect(error.message).toContain("Injected fault");
    expect(await client.query(api.messages.list, general)).toEqual(["done"]);
    expect(client.connectionState().connectionCount).toBe(1);
  });

  it("refuses rules that make no sense", async () => {
    const { faults } = await startFixture();
    expect(() => faults.failNext({ when: "later" as never })).toThrow("one of before, after");
    expect(() => faults.failNext({ when: "after", how: "loud" as never })).toThrow("error, cut");
    expect(() => faults.delayNext({ ms: -1 })).toThrow("a number from 0, not -1");
    expect(() => faults.delayNext({ ms: 1, when: "never" as never })).toThrow("before, after");
  });

  it("after: breaks the socket instead of answering an action", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ kind: "action", when: "after" });
    const action = client.action(api.messages.sendFromAction, { ...general, body: "done" });
    expect((await rejection(action)).message).toContain("Connection lost");
    expect(await client.query(api.messages.list, general)).toEqual(["done"]);
  });

  it("fails a subscription's first run; the next commit brings the result", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ kind: "query", when: "before" });
    const list = watch(client, api.messages.list, general);
    expect((await list.untilError()).message).toContain("Injected fault");
    await client.mutation(api.messages.send, { ...general, body: "hello" });
    expect(await list.until(() => true)).toEqual(["hello"]);
  });

  it("breaks the socket instead of answering a subscription; the client asks again", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ kind: "query", when: "after" });
    expect(await watch(client, api.messages.list, general).until(() => true)).toEqual([]);
    expect(backend.faults.calls.get("messages:list")).toBe(2);
    expect(client.connectionState().connectionCount).toBe(2);
  });
});

describe("delayNext", () => {
  it("lets other calls pass a delayed one", async () => {
    const backend = await startFixture();
    const [slow, fast] = [connect(backend), connect(backend)];
    const list = watch(fast, api.messages.list, general);
    await list.until(() => true);
    backend.faults.delayNext({ path: "messages:send", ms: 150 });
    const delayed = slow.mutation(api.messages.send, { ...general, body: "delayed" });
    while (backend.faults.calls.get("messages:send") === 0)
      await slow.query(api.messages.count, general);
    await fast.mutation(api.messages.send, { ...general, body: "quick" });
    await delayed;
    expect(await list.until((bodies) => bodies.length === 2)).toEqual(["quick", "delayed"]);
  });

  it("after: others see the commit before its caller has the answer", async () => {
    const backend = await startFixture();
    const list = watch(connect(backend), api.messages.list, general);
    await list.until(() => true);
    backend.faults.delayNext({ path: "messages:send", ms: 1_000, when: "after" });
    let isAnswered = false;
    const sending = connectHttp(backend)
      .mutation(api.messages.send, { ...general, body: "hello" })
      .then(() => (isAnswered = true));
    expect(await list.until((bodies) => bodies.length === 1)).toEqual(["hello"]);
    expect(isAnswered).toBe(false);
    await sending;
  });

  it("does not let a client's later mutations pass an earlier one", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.delayNext({ path: "messages:send", ms: 50 });
    await Promise.all(
      ["first", "second"].map((body) => client.mutation(api.messages.send, { ...general, body })),
    );
    expect(await client.query(api.messages.list, general)).toEqual(["first", "second"]);
  });

  it("holds back a subscription's first result, and nothing else on that socket", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.delayNext({ path: "messages:list", ms: 150 });
    const list = watch(client, api.messages.list, general);
    await client.mutation(api.messages.send, { ...general, body: "hello" });
    expect(await client.query(api.messages.count, general)).toBe(1);
    expect(list.results).toEqual([]);
    expect(await list.until(() => true)).toEqual(["hello"]);
  });
});

describe("connections", () => {
  it("are refused until they are allowed again", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    await untilConnection(client, (state) => state.isWebSocketConnected);
    backend.faults.refuseConnections();
    backend.faults.dropSockets();
    await untilConnection(client, (state) => state.connectionRetries >= 2);
    expect(client.connectionState().isWebSocketConnected).toBe(false);
    const http = rejection(connectHttp(backend).query(api.messages.list, general));
    expect((await http).message).toBe("fetch failed");

    backend.faults.allowConnections();
    expect(await client.query(api.messages.list, general)).toEqual([]);
  }, 15_000);
});

describe("calls", () => {
  it("counts runs by function, until it is reset", async () => {
    const backend = await startFixture();
    const { calls } = backend.faults;
    const client = connect(backend);
    await watch(client, api.messages.list, general).until(() => true);
    await client.mutation(api.messages.send, { ...general, body: "a" });
    await connectHttp(backend).query(api.messages.list, general);
    expect(calls.get("messages:send")).toBe(1);
    // First run, re-run after the commit, and the one over HTTP.
    expect(calls.get("messages:list")).toBe(3);
    calls.reset();
    expect(calls.get("messages:list")).toBe(0);
    expect(calls.get("no:such")).toBe(0);
  });
});

describe("faults from another process", () => {
  it("do the same", async () => {
    const backend = await startFixture();
    const faults = remoteFaults(backend.url);
    const client = connect(backend);
    await faults.apply({ do: "failNext", path: "messages:send", when: "before" });
    await rejection(client.mutation(api.messages.send, { ...general, body: "no" }));
    expect((await faults.state()).calls).toEqual({ "messages:send": 1 });

    await faults.apply({ do: "resetCalls" });
    expect((await faults.apply({ do: "refuseConnections" })).refusing).toBe(true);
    await faults.apply({ do: "dropSockets" });
    await untilConnection(client, (state) => !state.isWebSocketConnected);
    expect((await faults.apply({ do: "stallSockets" })).stalled).toBe(true);
    const calm = { refusing: false, stalled: false, calls: {} };
    expect(await faults.apply({ do: "reset" })).toEqual(calm);
  });

  it("are refused when they make no sense", async () => {
    const { url } = await startFixture();
    const apply = remoteFaults(url).apply({ do: "explode" } as never);
    await expect(apply).rejects.toThrow("Unknown fault command");
    const unknownTime = remoteFaults(url).apply({ do: "failNext", when: "soon" as never });
    await expect(unknownTime).rejects.toThrow("one of before, after, not soon");
  });
});

describe("stalled sockets", () => {
  it("carry nothing until they go on, and lose nothing", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    const list = watch(client, api.messages.list, general);
    await list.until(() => true);
    backend.faults.stallSockets();
    const sending = client.mutation(api.messages.send, { ...general, body: "late" });
    await connectHttp(backend).mutation(api.messages.send, { ...general, body: "first" });
    expect(client.connectionState().isWebSocketConnected).toBe(true);
    expect(list.results).toEqual([[]]);
    backend.faults.unstallSockets();
    await sending;
    expect(list.results.at(-1)).toEqual(["first", "late"]);
  });
});
