import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, expect, it } from "vitest";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { importFromYIndexeddb, type YIndexeddbImport } from "./y-indexeddb.js";

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

/** Keeps a document as an app that uses y-indexeddb does. */
async function keep(name: string, fill: (doc: Y.Doc) => void) {
  const doc = new Y.Doc();
  const persistence = new IndexeddbPersistence(name, doc);
  await persistence.whenSynced;
  fill(doc);
  fill(doc); // a second update of the same
  await persistence.destroy();
}

/** What is offered to the collection. */
async function offered(options: Partial<YIndexeddbImport<object>> = {}) {
  const calls: [string, object[]][] = [];
  await importFromYIndexeddb({
    idOf: (database) => /^tasks:(.*)$/.exec(database)?.[1] ?? null,
    ...options,
    collection: {
      utils: {
        importOnce: async (name, read) => {
          calls.push([name, [...(await read())]]);
          return { alreadyImported: false, inserted: 0, updated: 0, unchanged: 0, failures: [] };
        },
      },
    },
  });
  return calls[0]!;
}

it("reads every document's fields, whatever kind of Yjs value they are", async () => {
  await keep("tasks:a", (doc) => {
    const fields = doc.getMap("fields");
    fields.set("title", "A");
    fields.set("nested", { list: [1, new Uint8Array([7])] });
    const text = fields.set("text", new Y.Text());
    text.insert(0, "rich");
    fields.set("tags", Y.Array.from(["x"]));
  });
  await keep("tasks:b", (doc) => doc.getMap("fields").set("title", "B"));
  await keep("notes:c", (doc) => doc.getMap("fields").set("title", "other"));
  const bytes = new Uint8Array([7]).buffer;
  expect(await offered()).toEqual([
    "y-indexeddb",
    [
      { id: "a", title: "A", nested: { list: [1, bytes] }, text: "rich", tags: ["x"] },
      { id: "b", title: "B" },
    ],
  ]);
});

it("leaves out what is empty, what is no such database, and what the app leaves out", async () => {
  await keep("tasks:empty", () => undefined);
  await keep("tasks:out", (doc) => doc.getMap("fields").set("title", "out"));
  await keep("tasks:in", (doc) => doc.getMap("data").set("name", "in"));
  const [name, rows] = await offered({
    name: "v1",
    databases: ["tasks:empty", "tasks:out", "tasks:in", "tasks:missing"],
    map: "data",
    row: ({ name }, { id, doc }) =>
      id === "out" ? null : name ? { title: `${String(name)} ${doc.share.size}` } : null,
  });
  expect([name, rows]).toEqual(["v1", [{ id: "in", title: "in 1" }]]);
  const names = (await indexedDB.databases()).map((one) => one.name);
  expect(names).not.toContain("tasks:missing"); // looking makes none
});
