import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { quiet } from "./setup.test.js";
import { browserTabs, type TabMessage, type Tabs } from "./tabs.js";

type Request = { name: string; run: () => Promise<void>; signal: AbortSignal };

/** Web Locks of one browser: one holder at a time, the others in a queue. */
class FakeLocks {
  readonly held: Request[] = [];
  queue: Request[] = [];

  request(name: string, { signal }: { signal: AbortSignal }, run: () => Promise<void>) {
    return new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const request = { name, run, signal };
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
    this.held.splice(this.held.indexOf(next), 1);
    if (this.queue.length > 0) void this.#run();
  }
}

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
    const yieldFirst = open().lead(() => leads.push("first"));
    open().lead(() => leads.push("second"));
    await quiet();
    expect(leads).toEqual(["first"]);
    yieldFirst();
    await quiet();
    expect(leads).toEqual(["first", "second"]);
  });

  it("collections do not wait for each other", async () => {
    const leads: string[] = [];
    open("tasks").lead(() => leads.push("tasks"));
    open("notes").lead(() => leads.push("notes"));
    await quiet();
    expect(leads).toEqual(["tasks", "notes"]);
  });

  it("a tab that gives up its place in the queue never leads", async () => {
    const leads: string[] = [];
    const yieldFirst = open().lead(() => leads.push("first"));
    const leave = open().lead(() => leads.push("second"));
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
    first.lead(() => leads.push("first"));
    await quiet();
    open().lead(() => leads.push("second"));
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

  it("messages of another version of this package are ignored", async () => {
    const heard: TabMessage[] = [];
    open().onMessage((message) => heard.push(message));
    const newer = new BroadcastChannel("convex-replicate:tasks");
    newer.postMessage({ version: 2, message: { type: "changed" } });
    await delivered();
    newer.close();
    expect(heard).toEqual([]);
  });

  it("a tab to which the browser denies locks leads alone rather than never", async () => {
    vi.stubGlobal("navigator", {
      locks: { request: () => Promise.reject(new DOMException("Denied.", "SecurityError")) },
    });
    const onLead = vi.fn();
    const leave = open().lead(onLead);
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
    a.lead(() => leads.push("a"));
    b.lead(() => leads.push("b"));
    const leave = a.lead(() => leads.push("gave up"));
    expect(leads).toEqual([]);
    leave();
    await quiet();
    expect(leads).toEqual(["a", "b"]);
    expect(() => a.post({ type: "changed" })).not.toThrow();
    a.onMessage(() => undefined)();
  });
});
