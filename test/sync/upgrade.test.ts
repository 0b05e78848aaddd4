// @vitest-environment node
import "fake-indexeddb/auto";
import { createCollection } from "@tanstack/db";
import { ConvexClient } from "convex/browser";
import { anyApi, type FunctionReference } from "convex/server";
import { convexCollectionOptions, indexedDBStorage } from "convex-replicate/client";
import type { Fields } from "convex-replicate/fields";
import { register } from "convex-replicate/test";
import { afterEach, describe, expect, it } from "vitest";
import { startBackend } from "../../dev/backend/index.js";
import { cuttableNetwork, eventually, strip } from "./harness.js";
import * as versions from "./upgrade/convex/versions.js";

// A device that has rows and unsent changes of one version of an app, and then opens the next one.

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let disks = 0;
const newDisk = () => `upgrade ${disks++}`;

type AnyRow = { id: string; title: string } & Record<string, unknown>;

async function startVersions() {
  const backend = await startBackend({
    app: {
      modules: import.meta.glob("./upgrade/convex/**/*.ts"),
      register: (t) => register(t),
    },
    onFunctionError: () => undefined,
  });
  cleanups.push(() => backend.close());
  const connect = (network = cuttableNetwork()) => {
    const client = new ConvexClient(backend.url, {
      skipConvexDeploymentUrlCheck: true,
      webSocketConstructor: network.WebSocket,
      logger: false,
    });
    cleanups.push(() => client.close());
    return client;
  };
  return {
    connect,
    open(version: keyof typeof versions, disk = newDisk()) {
      const network = cuttableNetwork();
      const client = connect(network);
      const fields: Fields = versions[version];
      const options = convexCollectionOptions({
        ...{ convexClient: client, api: anyApi[version] as never, fields },
        storage: indexedDBStorage(),
        storageName: disk,
        startSync: true,
      });
      const tasks = createCollection(options);
      const close = () => tasks.cleanup().then(() => client.close());
      cleanups.push(close);
      const rows = () => tasks.toArray.map(strip).sort((a, b) => (a.id < b.id ? -1 : 1));
      const edit = (id: string, changes: object) =>
        tasks.update(id, (draft) => void Object.assign(draft, changes));
      const insert = (row: AnyRow) => tasks.insert(row as never);
      return { tasks, utils: tasks.utils, client, network, close, rows, edit, insert };
    },
    table: () => connect().query(anyApi["table"]!["rows"] as FunctionReference<"query">, {}),
    backfill: () =>
      connect().mutation(anyApi["table"]!["backfill"] as FunctionReference<"mutation">, {}),
  };
}

type Page = ReturnType<Awaited<ReturnType<typeof startVersions>>["open"]>;

const settled = (page: Page) =>
  eventually(() => {
    expect(page.utils.status.get()).toMatchObject({ phase: "live", reason: null, pending: 0 });
    expect(page.utils.status.get().storage.error).toBeNull();
  });

/** A device with two rows of the first version that, offline, did `work`, and was closed. */
async function deviceOfFirst(work: (page: Page) => unknown) {
  const app = await startVersions();
  const disk = newDisk();
  const page = app.open("first", disk);
  page.insert({ id: "a", title: "A", owner: "ann" });
  page.insert({ id: "b", title: "B", owner: "ann" });
  await page.utils.flush();
  page.network.cut();
  work(page);
  for (const id of ["a", "c"]) await page.utils.when(id, "durable");
  void page.client.close(); // a reload keeps nothing but the disk
  return { app, disk };
}

describe("a field is removed", () => {
  it.each<[string, (page: Page) => unknown, AnyRow[]]>([
    ["nothing", () => undefined, [{ id: "a", title: "A" }]],
    ["an edit", (page) => page.edit("a", { title: "A2" }), [{ id: "a", title: "A2" }]],
    [
      "an edit of it and another",
      (page) => page.edit("a", { title: "A2", owner: "eve" }),
      [{ id: "a", title: "A2" }],
    ],
    [
      "an insert",
      (page) => page.insert({ id: "c", title: "C", owner: "ann" }),
      [
        { id: "a", title: "A" },
        { id: "c", title: "C" },
      ],
    ],
    ["a removal", (page) => page.tasks.delete("a"), []],
  ])("with %s waiting: everything is shown and sent", async (_what, work, expected) => {
    const { app, disk } = await deviceOfFirst(work);
    const page = app.open("withoutOwner", disk);
    await settled(page);
    const rows = [...expected, { id: "b", title: "B" }].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(page.rows()).toEqual(rows);
    expect(page.utils.outbox.list()).toEqual([]);
    const fresh = app.open("withoutOwner");
    await settled(fresh);
    expect(fresh.rows()).toEqual(rows);

    page.edit("b", { title: "B2" });
    await page.utils.when("b", "accepted");
    await eventually(() => expect(fresh.rows()).toEqual(page.rows()));
  });

  it("with an edit of it alone waiting: that is refused, and told", async () => {
    const { app, disk } = await deviceOfFirst((page) => page.edit("a", { owner: "eve" }));
    const page = app.open("withoutOwner", disk);
    await settled(page);
    expect(page.rows()).toEqual([
      { id: "a", title: "A" },
      { id: "b", title: "B" },
    ]);
    const [item, ...others] = page.utils.outbox.list();
    expect(others).toEqual([]);
    expect(item).toMatchObject({
      ...{ id: "a", status: "rejected", code: "INVALID_UPDATE" },
      changes: [{ path: ["owner"], value: "eve" }],
    });
    expect(page.utils.outbox.export().items).toHaveLength(1);
    await page.utils.clear({ force: true });
    await settled(page);
    expect(page.rows()).toHaveLength(2);
  });
});

describe("a field is added", () => {
  it("an optional one: rows of before can be edited, with it and without", async () => {
    const { app, disk } = await deviceOfFirst((page) => page.edit("a", { title: "A2" }));
    const page = app.open("withNote", disk);
    await settled(page);
    page.edit("a", { note: "new" });
    page.edit("b", { title: "B2" });
    await page.utils.flush();
    const rows = [
      { id: "a", title: "A2", owner: "ann", note: "new" },
      { id: "b", title: "B2", owner: "ann" },
    ];
    expect(page.rows()).toEqual(rows);
    expect(await app.table()).toMatchObject(rows);
  });

  it("a required one that the table was given: rows of before can be edited", async () => {
    const { app, disk } = await deviceOfFirst((page) => page.edit("a", { title: "A2" }));
    await app.backfill();
    const page = app.open("withPriority", disk);
    await settled(page);
    page.edit("b", { title: "B2" });
    await page.utils.flush();
    const rows = [
      { id: "a", title: "A2", owner: "ann", priority: 1 },
      { id: "b", title: "B2", owner: "ann", priority: 1 },
    ];
    await eventually(() => expect(page.rows()).toEqual(rows));
    expect(await app.table()).toMatchObject(rows);
    expect(page.utils.outbox.list()).toEqual([]);
  });
});
