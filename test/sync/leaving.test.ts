import "fake-indexeddb/auto";
import { createCollection } from "@tanstack/db";
import { ConvexClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { convexCollectionOptions, indexedDBStorage } from "convex-replicate/client";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { taskFields } from "./app/convex/fields.js";
import { converged, cuttableNetwork, eventually, openDevice, startApp, task } from "./harness.js";

// The Convex client asks before a page is left while a mutation of its is unanswered. Unsent changes
// of ours are on disk and go out after the next start: they must not make it ask.

afterEach(() => vi.unstubAllGlobals());

/** A page, as far as the clients look at it. */
function openPage() {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", document);
  return {
    asksBeforeLeaving() {
      const event = new Event("beforeunload", { cancelable: true });
      Object.defineProperty(event, "returnValue", { writable: true }); // Node's cannot be set
      window.dispatchEvent(event);
      return event.defaultPrevented;
    },
    hide() {
      document.visibilityState = "hidden";
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
}

const clients = {
  ConvexClient: (url: string, options: object) => new ConvexClient(url, options),
  ConvexReactClient: (url: string, options: object) => new ConvexReactClient(url, options),
};

describe.each(Object.entries(clients))("a page with a %s", (kind, connect) => {
  async function open({ coalesceMs = 50 } = {}) {
    const backend = await startApp();
    const page = openPage();
    const network = cuttableNetwork();
    const client = connect(backend.url, {
      skipConvexDeploymentUrlCheck: true,
      webSocketConstructor: network.WebSocket,
      logger: false,
    });
    const tasks = createCollection(
      convexCollectionOptions({
        convexClient: client,
        api: api.tasks,
        fields: taskFields,
        startSync: true,
        coalesceMs,
        storage: indexedDBStorage(),
        storageName: `leaving-${kind}-${Math.random()}`,
      }),
    );
    onTestFinished(async () => {
      await tasks.cleanup();
      await client.close();
    });
    await eventually(() => expect(tasks.utils.status.get().phase).toBe("live"));
    return { backend, page, network, tasks };
  }

  it("can be left with an offline outbox, and nobody is asked", async () => {
    const { page, network, tasks } = await open();
    const stop = tasks.utils.preventUnsavedLeave();
    network.cut();
    await eventually(() => expect(tasks.utils.status.get().phase).toBe("offline"));
    tasks.insert(task("a"));
    expect(page.asksBeforeLeaving()).toBe(true); // not on disk yet
    await tasks.utils.when("a", "durable");
    page.hide();
    expect(tasks.utils.status.get().pending).toBe(1);
    expect(page.asksBeforeLeaving()).toBe(false);
    stop();
    network.restore();
    await tasks.utils.when("a", "accepted");
  });

  it("is asked about by the Convex client itself while a push is on its way", async () => {
    const { backend, page, tasks } = await open();
    backend.faults.delayNext({ path: "tasks:push", ms: 300 });
    tasks.insert(task("a"));
    await eventually(() => expect(page.asksBeforeLeaving()).toBe(true));
    await tasks.utils.when("a", "accepted");
    expect(page.asksBeforeLeaving()).toBe(false);
  });

  it("sends at once when it is hidden", async () => {
    const { page, tasks } = await open({ coalesceMs: 60_000 });
    const began = performance.now();
    tasks.insert(task("a"));
    page.hide();
    await tasks.utils.when("a", "accepted");
    expect(performance.now() - began).toBeLessThan(50_000); // and not after the window
  });
});

it("a connection that comes back with nothing new is a sync as well", async () => {
  const backend = await startApp();
  const device = openDevice(backend, { storageName: "nothing-new" });
  device.tasks.insert(task("a"));
  await converged(device);
  await eventually(() => expect(device.utils.status.get().phase).toBe("live"));
  const before = device.utils.status.get().lastSyncedAt!;
  device.network.cut();
  await eventually(() => expect(device.utils.status.get().phase).toBe("offline"));
  device.network.restore();
  await eventually(() => {
    const { phase, lastSyncedAt } = device.utils.status.get();
    expect(phase).toBe("live");
    expect(lastSyncedAt).toBeGreaterThan(before);
  });
});
