import { describe, expect, it } from "vitest";
import { PROTOCOL_VERSION } from "../shared/versions.js";
import {
  accepted,
  api,
  Device,
  hash,
  newApp,
  push,
  sharedTask,
  streamAll,
  type App,
} from "./setup.test.js";

async function appWith(count: number): Promise<App> {
  const app = newApp();
  const ann = new Device(7);
  await push(
    app,
    ...Array.from({ length: count }, (_, n) => ann.insert(`d${n}`, { title: `${n}` })),
  );
  return app;
}

describe("protocol", () => {
  it("answers version, fields and who is asking, to anyone", async () => {
    const app = newApp({ evalRead: () => Promise.reject(new Error("closed")) });
    expect(await app.query(api.tasks.protocol, {})).toEqual({
      version: PROTOCOL_VERSION,
      fields: hash,
      identity: null,
    });
  });
});

describe("material", () => {
  it("pages through all rows", async () => {
    const app = await appWith(5);
    const titles: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    for (let done = false; !done; pages++) {
      const paginationOpts = { numItems: 2, cursor };
      const page: Awaited<ReturnType<typeof material>> = await material(app, paginationOpts);
      titles.push(...page.page.map((row) => row.title));
      [cursor, done] = [page.continueCursor, page.isDone];
    }
    expect(titles).toEqual(["0", "1", "2", "3", "4"]);
    expect(pages).toBeGreaterThan(2);
  });

  const material = (app: App, paginationOpts: { numItems: number; cursor: string | null }) =>
    app.query(api.tasks.material, { paginationOpts });
});

describe("stream with rows", () => {
  it("sends each document's row once a page, with its last entry", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    await push(
      app,
      devices[0].update("a", { title: "T" }),
      new Device(9).insert("b", { title: "b" }),
    );
    await push(app, devices[0].update("a", { done: true }));
    const rows = (await streamAll(app, true)).map(({ document, row }) => [
      document,
      row as unknown,
    ]);
    expect(rows).toEqual([
      ["a", undefined],
      ["a", undefined],
      ["b", { id: "b", title: "b" }],
      ["a", { id: "a", title: "T", done: true }],
    ]);
  });

  it("sends no row with a tombstone, and none unless asked", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    expect((await streamAll(app))[0]).not.toHaveProperty("row");
    await push(app, devices[0].remove("a"));
    expect((await streamAll(app, true))[0]).not.toHaveProperty("row");
  });

  it("keeps within Convex's limits when small changes touch many large rows", async () => {
    const app = await appWith(24);
    const data = "x".repeat(900_000);
    for (const { _id } of await app.run((ctx) => ctx.db.query("tasks").collect())) {
      await app.run((ctx) => ctx.db.patch("tasks", _id, { data }));
    }
    const entries = await streamAll(app, true);
    expect(entries).toHaveLength(24);
    const rows = entries.filter((entry) => entry.row !== undefined);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(24);
  });
});

it("the log is one for all: what one pushed another streams", async () => {
  const app = await appWith(3);
  const bob = new Device(8);
  await bob.pull(app);
  expect(await push(app, bob.update("d1", { done: true }))).toEqual([accepted]);
  expect((await streamAll(app)).map((entry) => entry.document)).toEqual(["d0", "d1", "d2", "d1"]);
});
