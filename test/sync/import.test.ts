import "fake-indexeddb/auto";
import { indexedDBStorage } from "convex-replicate/client";
import { importFromYIndexeddb } from "convex-replicate/y-indexeddb";
import { expect, it } from "vitest";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { converged, openDevice, startApp, task } from "./harness.js";

/** Keeps a task as an app that uses y-indexeddb does. */
async function keep(id: string, fields: object) {
  const doc = new Y.Doc();
  const persistence = new IndexeddbPersistence(`tasks:${id}`, doc);
  await persistence.whenSynced;
  for (const [key, value] of Object.entries(fields)) doc.getMap("fields").set(key, value);
  await persistence.destroy();
}

it("takes documents of y-indexeddb over exactly once, however often it is asked to", async () => {
  const backend = await startApp();
  const other = openDevice(backend);
  other.tasks.insert(task("there", { votes: 3 }));
  await converged(other);
  const { id: _new, ...fresh } = task("new", { title: "Only here" });
  const { id: _there, ...changed } = task("there", { title: "Changed here", votes: 3 });
  await keep("new", fresh);
  await keep("there", changed);
  await keep("broken", { title: 7 });

  const storage = indexedDBStorage();
  const device = openDevice(backend, { storage, storageName: "import" });
  const run = ({ utils }: typeof device) =>
    importFromYIndexeddb({
      collection: { utils },
      idOf: (database) => /^tasks:(.*)$/.exec(database)?.[1] ?? null,
    });
  const results = await Promise.all([run(device), run(device)]);
  expect(results.filter(({ alreadyImported }) => !alreadyImported)).toMatchObject([
    { inserted: 1, updated: 1, unchanged: 0, failures: [{ id: "broken" }] },
  ]);
  const both = [
    task("new", { title: "Only here" }),
    task("there", { title: "Changed here", votes: 3 }),
  ];
  expect(await converged(other, device)).toEqual(both);

  other.tasks.update("new", (draft) => void (draft.title = "Edited since"));
  other.tasks.delete("there");
  await converged(other, device);
  const later = openDevice(backend, { storage, storageName: "import" });
  expect(await run(later)).toMatchObject({ alreadyImported: true });
  expect(await converged(other, later)).toEqual([task("new", { title: "Edited since" })]);
});
