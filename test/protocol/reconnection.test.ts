// @vitest-environment node
import { describe, expect, it } from "vitest";
import { api } from "./fixture/convex/_generated/api.js";
import { connect, connectHttp, startFixture, untilConnection, watch } from "./fixture/harness.js";

/** The client waits about a second before it tries again, and longer after each failure. */
const SLOW_MS = 30_000;

const general = { channel: "general" };

describe("a client whose socket broke", () => {
  it("catches up with what happened meanwhile", async () => {
    const backend = await startFixture();
    const ada = connect(backend);
    const bob = connect(backend);
    const list = watch(ada, api.messages.list, general);
    await list.until(() => true);

    backend.faults.refuseConnections();
    backend.faults.dropSockets();
    await untilConnection(ada, (state) => !state.isWebSocketConnected);
    await untilConnection(bob, (state) => !state.isWebSocketConnected);
    const sending = bob.mutation(api.messages.send, { ...general, body: "meanwhile" });
    backend.faults.allowConnections();
    await sending;
    expect(await list.until((bodies) => bodies.length > 0)).toEqual(["meanwhile"]);
  });

  it(
    "has every mutation run once and in order, wherever the socket broke",
    async () => {
      const backend = await startFixture();
      const client = connect(backend);
      const list = watch(client, api.messages.list, general);
      await list.until(() => true);
      const bodies = Array.from({ length: 30 }, (_, n) => String(n));
      const sending = bodies.map((body) =>
        client.mutation(api.messages.send, { ...general, body }),
      );
      // Break it whenever some more have arrived: one is running, some wait, some are answered.
      for (const arrived of [3, 11, 20]) {
        await list.until((seen) => seen.length >= arrived);
        backend.faults.dropSockets();
      }
      await Promise.all(sending);
      expect(await list.until((seen) => seen.length >= bodies.length)).toEqual(bodies);
      expect(backend.faults.calls.get("messages:send")).toBe(bodies.length);
    },
    SLOW_MS,
  );

  it("gets the first answer when it asks again for a mutation that had committed", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    backend.faults.failNext({ path: "messages:send", when: "after" });
    const ts = await client.mutation(api.messages.send, { ...general, body: "once" });
    const rows = await client.query(api.messages.rows, {});
    expect(rows.map((row) => [row.body, row.ts])).toEqual([["once", ts]]);
    expect(client.connectionState().connectionCount).toBe(2);
    expect(backend.faults.calls.get("messages:send")).toBe(1);
  });

  it("has nothing run on the broken socket that had not started yet", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    await watch(client, api.messages.list, general).until(() => true);
    // Long enough for the client to be gone before it ends.
    backend.faults.delayNext({ path: "messages:send", ms: 1000 });
    void client.mutation(api.messages.send, { ...general, body: "running" });
    void client.mutation(api.messages.send, { ...general, body: "waiting" });
    const http = connectHttp(backend);
    while (backend.faults.calls.get("messages:send") === 0) await http.query(api.messages.rows, {});
    // It goes away for good, so nobody sends the second one again.
    await client.close();
    const stored = () => http.query(api.messages.list, general);
    while ((await stored()).length === 0);
    await http.mutation(api.messages.touchNothing, {});
    expect(await stored()).toEqual(["running"]);
  });

  it("is told that an action it waited for may be lost", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    await watch(client, api.messages.list, general).until(() => true);
    backend.faults.delayNext({ kind: "action", ms: 50 });
    const action = client.action(api.messages.sendFromAction, { ...general, body: "hm" });
    backend.faults.dropSockets();
    await expect(action).rejects.toThrow("Connection lost while action was in flight");
  });
});

describe("many clients under a bad network", () => {
  it(
    "lose nothing, repeat nothing, and read their own writes",
    async () => {
      const backend = await startFixture();
      const clients = Array.from({ length: 4 }, () => connect(backend));
      const expected: string[] = [];
      await Promise.all(
        clients.map(async (client, c) => {
          const list = watch(client, api.messages.list, general);
          const count = watch(client, api.messages.count, general);
          for (let n = 0; n < 15; n++) {
            const body = `${c}/${n}`;
            expected.push(body);
            if (c === 0 && n % 5 === 4) backend.faults.dropSockets();
            await client.mutation(api.messages.send, { ...general, body });
            // Read your own writes, and every query of the client at the same moment.
            expect(list.results.at(-1)).toContain(body);
            expect(count.results.at(-1)).toBe(list.results.at(-1)?.length);
          }
        }),
      );
      // Not from a client that is subscribed: it would answer with what it has.
      const all = await connectHttp(backend).query(api.messages.list, general);
      expect([...all].sort()).toEqual(expected.sort());
    },
    SLOW_MS,
  );
});
