import { afterEach, describe, expect, it, vi } from "vitest";
import { insert, leaveSuspended, setUp } from "./engine-setup.test.js";
import { noPage, thisPage } from "./platform/page.js";
import { HOUR, quiet, SECOND } from "./setup.test.js";
import { INITIAL_STATUS } from "./status.js";
import { memoryStorage } from "./storage/memory.js";

afterEach(() => vi.unstubAllGlobals());

describe("a collection that nobody uses any more", () => {
  it("says no more that it is live, and says so again when it is used again (C11)", async () => {
    const { engine, follow, time } = setUp();
    const { detach } = follow();
    await time.advance(SECOND);
    expect(engine.status.get().phase).toBe("live");
    detach();
    await quiet();
    expect(engine.status.get()).toEqual(INITIAL_STATUS);
    follow();
    await time.advance(SECOND);
    expect(engine.status.get().phase).toBe("live");
  });
});

describe("a page that is hidden, and may end", () => {
  it("sends at once what waits for more to come", async () => {
    const page = setUp();
    page.follow();
    await page.time.advance(SECOND);
    page.engine.accept([insert("a")]);
    page.page.setVisible(false);
    await quiet();
    expect(page.server.pushes).toEqual([["a"]]);
  });

  it("tells the tab that syncs of what is being stored, as it may not be there to tell of it later", async () => {
    const a = setUp();
    const b = setUp(a);
    for (const { follow } of [a, b]) follow();
    await a.time.advance(SECOND);
    b.engine.accept([insert("b")]);
    b.page.setVisible(false);
    b.browser.kill(b.tab()); // whatever it would have said from here on is not heard
    await a.time.advance(SECOND);
    expect(a.server.pushes).toEqual([["b"]]);
  });

  it("sends nothing, and asks nothing, without a connection", async () => {
    const page = setUp({ connected: false });
    page.follow();
    page.engine.accept([insert("a")]);
    await quiet();
    page.page.setVisible(false);
    await page.time.advance(HOUR);
    expect(page.network.calls).toBe(0);
    expect(page.engine.isUnsafe()).toBe(false);
  });
});

describe("flush", () => {
  it("has the tab that syncs send at once what this one has", async () => {
    const a = setUp();
    const b = setUp(a);
    for (const { follow } of [a, b]) follow();
    await a.time.advance(SECOND);
    b.engine.accept([insert("b")]);
    const before = a.time.elapsed();
    await b.engine.flush();
    expect(a.server.pushes).toEqual([["b"]]);
    expect(a.time.elapsed()).toBe(before);
  });

  it("waits for the disk, for a connection, and for nothing that was refused", async () => {
    const page = setUp({ connected: false });
    page.follow();
    await quiet();
    page.disk.fail = new Error("disk full");
    page.server.refuse = ({ document }) => (document === "bad" ? "No." : null);
    page.engine.accept([insert("a"), insert("bad")]);
    let isFlushed = false;
    void page.engine.flush().then(() => (isFlushed = true));
    page.network.setConnected(true);
    await page.time.advance(HOUR);
    expect([isFlushed, page.server.pushes]).toEqual([false, []]);
    page.disk.fail = null;
    await page.time.advance(120 * SECOND);
    expect(isFlushed).toBe(true);
    expect(page.engine.status.get()).toMatchObject({ pending: 0, rejected: 1 });
  });

  it("waits while someone else is signed in, also when nobody uses the collection meanwhile", async () => {
    const page = setUp();
    await leaveSuspended(page);
    await page.time.advance(SECOND);
    let isFlushed = false;
    void page.engine.flush().then(() => (isFlushed = true));
    await page.time.advance(HOUR);
    expect(isFlushed).toBe(false);
    page.follow();
    await page.time.advance(SECOND);
    expect(isFlushed).toBe(false);
    page.engine.resume();
    await page.time.advance(SECOND);
    expect([isFlushed, page.server.pushes]).toEqual([true, [["a"]]]);
  });
});

describe("leaving a page is unsafe", () => {
  it("while changes are not on disk, and not while they only wait to be sent", async () => {
    const page = setUp({ connected: false });
    page.follow();
    expect(page.engine.isUnsafe()).toBe(false);
    page.engine.accept([insert("a")]);
    expect(page.engine.isUnsafe()).toBe(true);
    await quiet();
    expect(page.engine.isUnsafe()).toBe(false);
    page.disk.fail = new Error("disk full");
    page.engine.accept([insert("b")]);
    await page.time.advance(HOUR);
    expect(page.engine.isUnsafe()).toBe(true);
  });

  it("as long as anything is unsent, where storage is memory", async () => {
    const page = setUp({ connected: false, storage: memoryStorage() });
    page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(HOUR);
    expect(page.engine.isUnsafe()).toBe(true);
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect(page.engine.isUnsafe()).toBe(false);
  });
});

describe("the page of a browser", () => {
  class FakeWindow extends EventTarget {
    readonly document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    readonly listeners: string[] = [];

    constructor() {
      super();
      for (const target of [this, this.document] as EventTarget[]) this.#count(target);
    }

    #count(target: EventTarget) {
      const { addEventListener, removeEventListener } = target;
      target.addEventListener = (type: string, ...rest: [never]) => {
        this.listeners.push(type);
        addEventListener.call(target, type, ...rest);
      };
      target.removeEventListener = (type: string, ...rest: [never]) => {
        this.listeners.splice(this.listeners.indexOf(type), 1);
        removeEventListener.call(target, type, ...rest);
      };
    }
  }

  function open() {
    const window = new FakeWindow();
    vi.stubGlobal("window", window);
    vi.stubGlobal("document", window.document);
    return { window, page: thisPage() };
  }

  it("tells when it is hidden, shown, left and returned to", () => {
    const { window, page } = open();
    const told: boolean[] = [];
    const stop = page.onVisibility((visible) => told.push(visible));
    expect(page.isVisible()).toBe(true);
    window.document.visibilityState = "hidden";
    window.document.dispatchEvent(new Event("visibilitychange"));
    expect([page.isVisible(), told]).toEqual([false, [false]]);
    window.document.visibilityState = "visible";
    window.document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(new Event("pagehide")); // Safari: still "visible"
    window.dispatchEvent(new Event("pageshow"));
    expect(told).toEqual([false, true, false, true]);
    stop();
    expect(window.listeners).toEqual([]);
  });

  it("has the browser ask only when it has to, and only until told otherwise", () => {
    const { window, page } = open();
    const leave = () => {
      const event = new Event("beforeunload", { cancelable: true });
      window.dispatchEvent(event);
      return event.defaultPrevented ? "asks" : "leaves";
    };
    let isUnsafe = false;
    const stop = page.askBeforeLeaving(() => isUnsafe);
    expect(leave()).toBe("leaves");
    isUnsafe = true;
    expect(leave()).toBe("asks");
    stop();
    expect(leave()).toBe("leaves");
    expect(window.listeners).toEqual([]);
  });

  it.each<[string, () => void]>([
    ["a server", () => undefined],
    ["a worker", () => vi.stubGlobal("window", undefined)],
    ["React Native", () => vi.stubGlobal("window", {})],
  ])("is always there, and asks nothing, on %s", (_name, prepare) => {
    prepare();
    const page = thisPage();
    expect(page).toBe(noPage);
    expect(page.isVisible()).toBe(true);
    page.onVisibility(() => undefined)();
    page.askBeforeLeaving(() => true)();
  });
});
