import { describe, expect, it } from "vitest";
import type { StreamPage } from "../../shared/wire.js";
import { HOUR, quiet } from "../setup.test.js";
import { one, page, setUp, type ScriptedServer } from "./pull-setup.test.js";

describe("a server that is at fault", () => {
  const RESET = page([], null as never, { done: false, reset: "pruned" });
  const tail = (next: StreamPage) => (server: ScriptedServer) => {
    server.onSubscribe = ({ onPage }) => queueMicrotask(() => onPage(next));
  };
  const load = (next: unknown) => (server: ScriptedServer) => {
    server.pages.get = () => next as StreamPage;
  };

  it.each<[string, (server: ScriptedServer) => void, "load" | "tail"]>([
    ["never ends a load", load(page([], "c", { done: false })), "load"],
    ["brings the same page for ever", load(page([one(1)], null as never, { done: false })), "load"],
    ["resets a load for ever", load(RESET), "load"],
    ["sends no entries", load({ ...page([], "c"), entries: null }), "load"],
    ["sends invalid entries", load(page([{ ...one(1), bytes: 7 as never }], "c")), "load"],
    ["sends a row that is null", load(page([{ ...one(1), row: null }], "c")), "load"],
    ["sends a row that is a text", load(page([{ ...one(1), row: "x" }], "c")), "load"],
    ["sends a row that is a list", load(page([{ ...one(1), row: [] }], "c")), "load"],
    [
      "sends an impossible generation",
      load(page([{ ...one(1), generation: 2 ** 40 }], "c")),
      "load",
    ],
    ["sends nothing", load(null), "load"],
    ["resets for ever", tail(RESET), "tail"],
    ["never ends a tail", tail(page([], "stored", { done: false })), "tail"],
    ["stays where it is", tail(page([one(1)], "stored")), "tail"],
  ])("and %s is asked with a pause, which says so", async (_name, breakIt, where) => {
    const { time, host, server, puller } = setUp({ loaded: where === "tail" });
    server.pages.set(null, page([one(1)], "stored"));
    breakIt(server);
    const reasons = new Set<string | undefined>();
    const { report } = host;
    host.report = (state) => {
      reasons.add(state.pullReason?.code);
      report(state);
    };
    puller.start();
    await time.advance(HOUR, 2_000);
    const asked = server.calls.stream.length + server.subscriptions.length;
    expect(asked).toBeGreaterThan(20);
    expect(asked).toBeLessThan(1_000);
    expect(reasons).toContain("SERVER_ERROR");
    expect(host.state.caughtUp).toBe(false);
  });

  it("and recovers something invalid is reported", async () => {
    const { host, server, puller } = setUp({ loaded: true });
    server.transport.recover = async () => ({ documents: null as never, identity: null });
    tail(page([{ ...one(1), bytes: null }], "c"))(server);
    puller.start();
    await quiet();
    expect(host.state.pullReason).toMatchObject({ code: "SERVER_ERROR" });
    expect(host.applied).toEqual([]);
  });
});
