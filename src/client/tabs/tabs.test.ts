import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { quiet } from "../setup.test.js";
import { browserTabs, type TabMessage, type Tabs } from "./tabs.js";

type Request = { name: string; run: () => Promise<void>; taken?: () => void };
type Options = { signal: AbortSignal; steal?: undefined } | { steal: true; signal?: undefined };

/** Web Locks of one browser: one holder at a time, the others in a queue. */
class FakeLocks {
  readonly held: Request[] = [];
  queue: Request[] = [];

  request(name: string, { signal, steal }: Options, run: () => Promise<void>) {
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const request: Request = { name, run };
      request.taken = () => reject(new DOMException("Stolen.", "AbortError"));
      if (steal) {
        for (const held of this.held.splice(0)) held.taken?.();
        this.held.push(request);
        return setImmediate(() => void run().then(resolve));
      }
      this.queue.push(request);
      signal.addEventListener("abort", () => {
        if (!this.queue.includes(request)) return;
        this.queue = this.queue.filter((one) => one !== request);
        reject(signal.reason as Error);
      });
      this.#grant(resolve);
    });
  }

  #grant(resolve: () => void) {
    setImmediate(() => void this.#run().then(resolve));
  }

  /** Runs the first whose turn it is, and then whoever waits for the same. */
  async #run(): Promise<void> {
    const next = this.queue.find(({ name }) => !this.held.some((one) => one.name === name));
    if (!next) return;
    this.queue = this.queue.filter((one) => one !== next);
    this.held.push(next);
    await next.run();
    if (!this.held.includes(next)) return; // stolen
    this.held.splice(this.held.indexOf(next), 1);
    if (this.queue.length > 0) void this.#run();
  }
}

const CHANGED: TabMessage = { type: "changed" };
const LIVES: TabMessage = { type: "alive", visible: true };
const never = () => expect.unreachable("nobody takes the turn");

let opened: Tabs[] = [];
const open = (name = "tasks") => {
  const tabs = browserTabs(name);
  opened.push(tabs);
  return tabs;
};
afterEach(() => {
  for (const tabs of opened) tabs.close();
  opened = [];
  vi.unstubAllGlobals();
});

/** Resolves once everything that was posted so far has arrived: a message behind it has. */
async function delivered() {
  const [from, to] = [1, 2].map(() => new BroadcastChannel("convex-replicate:tasks"));
  await new Promise<void>((resolve) => {
    to!.onmessage = ({ data }: MessageEvent<{ last?: boolean }>) => data.last && resolve();
    from!.postMessage({ last: true });
  });
  for (const channel of [from!, to!]) channel.close();
  await quiet();
}

describe("where there are Web Locks", () => {
  let locks: FakeLocks;
  beforeEach(() => {
    locks = new FakeLocks();
    vi.stubGlobal("navigator", { locks });
  });

  it("one tab leads, and the next one once it gives up", async () => {
    const leads: string[] = [];
    const yieldFirst = open().lead(() => leads.push("first"), never, "queue");
    open().lead(() => leads.push("second"), never, "queue");
    await quiet();
    expect(leads).toEqual(["first"]);
    yieldFirst();
    await quiet();
    expect(leads).toEqual(["first", "second"]);
  });

  it("collections do not wait for each other", async () => {
    const leads: string[] = [];
    open("tasks").lead(() => leads.push("tasks"), never, "queue");
    open("notes").lead(() => leads.push("notes"), never, "queue");
    await quiet();
    expect(leads).toEqual(["tasks", "notes"]);
  });

  it("a tab that gives up its place in the queue never leads", async () => {
    const leads: string[] = [];
    const yieldFirst = open().lead(() => leads.push("first"), never, "queue");
    const leave = open().lead(() => leads.push("second"), never, "queue");
    await quiet();
    leave();
    yieldFirst();
    await quiet();
    expect(leads).toEqual(["first"]);
    expect([locks.held, locks.queue]).toEqual([[], []]);
  });

  it("a tab that closes hands over", async () => {
    const leads: string[] = [];
    const first = open();
    first.lead(() => leads.push("first"), never, "queue");
    await quiet();
    open().lead(() => leads.push("second"), never, "queue");
    first.close();
    await quiet();
    expect(leads).toEqual(["first", "second"]);
  });

  it("tabs of one collection hear each other, not themselves, until they close", async () => {
    const [a, b, other] = [open(), open(), open("notes")];
    const heard: [string, TabMessage][] = [];
    a.onMessage((message) => heard.push(["a", message]));
    const stop = b.onMessage((message) => heard.push(["b", message]));
    other.onMessage((message) => heard.push(["other", message]));
    a.post({ type: "changed" });
    await delivered();
    expect(heard).toEqual([["b", { type: "changed" }]]);
    stop();
    a.post({ type: "hello" });
    a.close();
    a.post({ type: "hello" }); // no error, nobody hears
    b.post({ type: "changed" });
    await delivered();
    expect(heard).toHaveLength(1);
  });

  it("a tab can take the turn from another one, which hears of it once", async () => {
    const log: string[] = [];
    const first = open();
    const leave = first.lead(
      () => log.push("first leads"),
      () => log.push("first loses"),
      "queue",
    );
    await quiet();
    open().lead(() => log.push("second leads"), never, "steal");
    await quiet();
    expect(log).toEqual(["first leads", "first loses", "second leads"]);
    leave();
    first.close();
    await quiet();
    expect(log).toHaveLength(3);
  });

  it("a tab that had given up its turn does not hear that it was taken", async () => {
    const lost: string[] = [];
    const leave = open().lead(
      () => undefined,
      () => lost.push("first"),
      "queue",
    );
    await quiet();
    leave();
    open().lead(() => undefined, never, "steal");
    await quiet();
    expect(lost).toEqual([]);
  });

  it.each<[string, unknown, TabMessage]>([
    ["says that something may have changed", { version: 2, message: { type: "new" } }, CHANGED],
    ["says so even with what looks known", { version: 2, message: { type: "hello" } }, CHANGED],
    ["asks whether we live", { version: 2, message: { type: "ask" } }, { type: "ask" }],
    ["lives", { version: 2, message: LIVES }, LIVES],
  ])("a tab of another version %s", async (_name, said, understood) => {
    const heard: TabMessage[] = [];
    open().onMessage((message) => heard.push(message));
    const newer = new BroadcastChannel("convex-replicate:tasks");
    newer.postMessage({ nothing: "we know of" });
    newer.postMessage(said);
    await delivered();
    newer.close();
    expect(heard).toEqual([understood]);
  });

  it.each([
    ["null", null],
    ["a text", "changed"],
    ["an envelope without a message", { version: 1, message: null }],
    ["a text in an envelope", { version: 1, message: "x" }],
    ["what this version does not know", { version: 1, message: { type: "new" } }],
    ["an invalid state", { version: 1, message: { type: "state" } }],
  ])("what no tab says is not heard: %s", async (_name, said) => {
    const heard: TabMessage[] = [];
    open().onMessage((message) => heard.push(message));
    const stranger = new BroadcastChannel("convex-replicate:tasks");
    stranger.postMessage(said);
    await delivered(); // an error in a listener fails the run
    stranger.close();
    expect(heard).toEqual([]);
  });

  it("a tab to which the browser denies locks leads alone rather than never", async () => {
    vi.stubGlobal("navigator", {
      locks: { request: () => Promise.reject(new DOMException("Denied.", "SecurityError")) },
    });
    const onLead = vi.fn();
    const leave = open().lead(onLead, never, "queue");
    await quiet();
    expect(onLead).toHaveBeenCalledTimes(1);
    leave();
  });
});

describe("where there are none", () => {
  it.each<[string, unknown]>([
    ["on a server", undefined],
    ["on a page without a secure context", {}],
  ])("every tab leads, a moment later: %s", async (_name, navigator) => {
    vi.stubGlobal("navigator", navigator);
    const leads: string[] = [];
    const [a, b] = [open(), open()];
    a.lead(() => leads.push("a"), never, "queue");
    b.lead(() => leads.push("b"), never, "queue");
    const leave = a.lead(() => leads.push("gave up"), never, "queue");
    expect(leads).toEqual([]);
    leave();
    await quiet();
    expect(leads).toEqual(["a", "b"]);
    expect(() => a.post({ type: "changed" })).not.toThrow();
    a.onMessage(() => undefined)();
  });
});
