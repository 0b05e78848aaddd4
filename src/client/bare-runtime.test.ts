import { afterEach, expect, it, vi } from "vitest";
import { api, fakeClient } from "./collection-setup.test.js";
import { taskFields } from "./setup.test.js";

afterEach(() => void vi.unstubAllGlobals());

// What older versions of React Native's engine do not have (docs/client.md, "React Native").
it("loads, stores and sends without TextDecoder, structuredClone, IndexedDB, locks and document", async () => {
  for (const name of ["TextDecoder", "structuredClone", "indexedDB", "navigator", "document"]) {
    vi.stubGlobal(name, undefined);
  }
  vi.stubGlobal("window", globalThis);
  vi.resetModules();
  const { createCollection } = await import("@tanstack/db");
  const { convexCollectionOptions } = await import("./index.js");
  const { client: convexClient, pushed } = fakeClient();
  const tasks = createCollection(
    convexCollectionOptions({ convexClient, api, fields: taskFields }),
  );
  await tasks.preload();
  tasks.insert({ id: "a", title: "t", data: new ArrayBuffer(2), details: { due: "today" } });
  await tasks.utils.flush();
  expect(pushed).toEqual(["a"]);
  expect(tasks.get("a")).toMatchObject({ title: "t", data: new ArrayBuffer(2) });
  expect(tasks.utils.status.get()).toMatchObject({ storage: { kind: "memory", error: null } });
  await tasks.cleanup();
});
