import { beforeEach, expect, it } from "vitest";
import {
  accepted,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  removed,
  stored,
  streamAll,
  type App,
} from "./setup.test.js";

// Writes to the app's table with plain `ctx.db` (S2): the log learns of them with the next push.

let app: App;
let ann: Device;

beforeEach(async () => {
  app = newApp();
  ann = new Device(7);
  await push(app, ann.insert("a", { title: "t", details: { due: "d" }, votes: { ann: 1 } }));
});

const patch = async (fields: object) => {
  const row = await stored(app, "a");
  await app.run((ctx) => ctx.db.patch("tasks", row!._id, fields));
};

it("an edit survives the next push, and its log entry comes with it", async () => {
  await patch({ done: true, details: { due: "d", notes: "server" }, votes: {} });
  expect(await push(app, ann.update("a", { title: "T" }))).toEqual([accepted]);
  await expectEverywhere(app, "a", {
    title: "T",
    done: true,
    details: { due: "d", notes: "server" },
    votes: {},
  });
});

it("an edit of the same field loses against the push that came after it (D5)", async () => {
  await patch({ title: "server" });
  await push(app, ann.update("a", { title: "client" }));
  await expectEverywhere(app, "a", {
    title: "client",
    details: { due: "d" },
    votes: { ann: 1 },
  });
});

it("is appended once", async () => {
  await patch({ done: true });
  await push(app, ann.update("a", { title: "T" }));
  const before = (await streamAll(app)).length;
  await push(app, ann.update("a", { title: "U" }));
  expect(await streamAll(app)).toHaveLength(before + 1);
});

it("a value that cannot be replicated does not keep the document from being removed", async () => {
  await patch({ data: { constructor: "McLaren" } });
  expect(await push(app, ann.update("a", { title: "T" }))).toEqual([rejected("INVALID_VALUE")]);
  expect(await push(app, ann.remove("a"))).toEqual([accepted]);
  await expectEverywhere(app, "a", null);
});

it("a removed optional field stays removed", async () => {
  await patch({ details: undefined });
  await push(app, ann.update("a", { title: "T" }));
  await expectEverywhere(app, "a", { title: "T", votes: { ann: 1 } });
});

it("is what hooks see as the previous row", async () => {
  const prevs: unknown[] = [];
  app = newApp({ onUpdate: (_ctx, { prev }) => void prevs.push(prev) });
  ann = new Device(7);
  await push(app, ann.insert("a", { title: "t" }));
  await patch({ done: true });
  await push(app, ann.update("a", { title: "T" }));
  expect(prevs).toEqual([{ id: "a", title: "t", done: true }]);
});

async function deleteDirectly() {
  const row = await stored(app, "a");
  await app.run((ctx) => ctx.db.delete("tasks", row!._id));
}

it("a deletion ends the document: an edit does not bring it back", async () => {
  await deleteDirectly();
  expect(await push(app, ann.update("a", { title: "T" }))).toEqual([removed]);
  await expectEverywhere(app, "a", null);
  expect((await streamAll(app)).map((entry) => entry.kind)).toEqual(["tombstone"]);
});

it("a deletion reaches everyone when a client removes the document too", async () => {
  await deleteDirectly();
  expect(await push(app, ann.remove("a"))).toEqual([accepted]);
  await expectEverywhere(app, "a", null);
});

it("a deletion lets the document be inserted again", async () => {
  await deleteDirectly();
  expect(await push(app, new Device(8).insert("a", { title: "again" }))).toEqual([
    expect.objectContaining({ status: "accepted", generation: 2 }),
  ]);
  await expectEverywhere(app, "a", { title: "again" });
});

it("an accepted insert sent again after a direct deletion does not come back", async () => {
  const insert = new Device(8).insert("b", { title: "b" });
  await push(app, insert);
  await app.run(async (ctx) => {
    for (const row of await ctx.db.query("tasks").collect()) await ctx.db.delete("tasks", row._id);
  });
  expect(await push(app, insert)).toEqual([removed]);
  await expectEverywhere(app, "b", null);
});

const insertDirectly = () =>
  app.run((ctx) =>
    ctx.db.insert("tasks", { id: "b", title: "direct", done: true, version: 1, timestamp: 0 }),
  );

it("an insert merges with the insert of a client", async () => {
  await insertDirectly();
  expect(await push(app, ann.insert("b", { title: "client" }))).toEqual([accepted]);
  await expectEverywhere(app, "b", { title: "client", done: true });
});

it("an insert can be removed by a client", async () => {
  await insertDirectly();
  const removal = { document: "b", generation: 1, op: "remove" as const, parts: [] };
  expect(await push(app, removal)).toEqual([accepted]);
  await expectEverywhere(app, "b", null);
});
