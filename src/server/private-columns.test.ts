import * as Y from "yjs";
import { beforeEach, expect, it } from "vitest";
import {
  api,
  changeOf,
  Device,
  newApp,
  push,
  rejected,
  stored,
  streamAll,
  type App,
} from "./setup.test.js";

let app: App;
let ann: Device;

beforeEach(async () => {
  app = newApp();
  ann = new Device(7);
  await push(app, ann.insert("a", { title: "t" }));
  const row = await stored(app, "a");
  await app.run((ctx) => ctx.db.patch("tasks", row!._id, { secret: "s3cret" }));
});

it("never leave: not with rows, not with material, not in the log", async () => {
  await push(app, ann.update("a", { done: true }));
  const [entries, material] = [
    await streamAll(app, true),
    await app.query(api.tasks.material, { paginationOpts: { numItems: 9, cursor: null } }),
  ];
  expect(material.page).toEqual([{ id: "a", title: "t", done: true }]);
  expect(entries.at(-1)!.row).toEqual({ id: "a", title: "t", done: true });
  const bytes = entries.map((entry) => new TextDecoder("latin1").decode(entry.bytes)).join();
  expect(JSON.stringify([material, entries.map((entry) => entry.row as unknown)])).not.toMatch(
    /s3cret|version|_creationTime|_id/,
  );
  expect(bytes).toContain("title");
  expect(bytes).not.toContain("s3cret");
});

it("stay as they are when clients change the document", async () => {
  await push(app, ann.update("a", { title: "T", data: { secret: 1 } }));
  expect(await stored(app, "a")).toMatchObject({ title: "T", secret: "s3cret" });
});

it("and system columns cannot be written by clients", async () => {
  for (const name of ["secret", "id", "version", "timestamp", "_id", "_creationTime"]) {
    const doc = new Y.Doc();
    Y.transact(doc, () => {
      doc.getMap("fields").set("", {});
      doc.getMap("fields").set("title", "hacked");
      doc.getMap("fields").set(name, "hacked");
    });
    const hacked = Y.encodeStateAsUpdate(doc);
    expect(await push(app, changeOf("update", "a", hacked))).toEqual([rejected("INVALID_UPDATE")]);
    expect(await push(app, changeOf("insert", "b", hacked))).toEqual([rejected("INVALID_UPDATE")]);
  }
  expect(await stored(app, "a")).toMatchObject({ title: "t", secret: "s3cret", version: 1 });
  expect(await stored(app, "b")).toBeNull();
});
