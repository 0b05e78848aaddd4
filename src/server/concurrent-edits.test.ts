import { describe, expect, it } from "vitest";
import type { RowFields } from "../shared/operations.js";
import { accepted, Device, expectEverywhere, newApp, push, sharedTask } from "./setup.test.js";

/** Both ways that Yjs could order two concurrent writes by client id. */
const BOTH_WAYS: [number, number][] = [
  [7, 8],
  [8, 7],
];

const task: RowFields = { title: "t", details: { due: "d" }, votes: { ann: 1 } };

describe.each(BOTH_WAYS)("concurrent edits of devices %i and %i", (one, other) => {
  it("of different fields both survive", async () => {
    const { app, devices } = await sharedTask([one, other], task);
    const edits = [devices[0].update("a", { title: "T" }), devices[1].update("a", { done: true })];
    for (const edit of edits) expect(await push(app, edit)).toEqual([accepted]);
    await expectEverywhere(app, "a", { ...task, title: "T", done: true });
  });

  it("of different keys of an object and of a record both survive", async () => {
    const { app, devices } = await sharedTask([one, other], task);
    await push(app, devices[0].update("a", { details: { due: "D" }, votes: { ann: 1, bob: 2 } }));
    const second = { details: { due: "d", notes: "n" }, votes: { ann: 1, cid: 3 } };
    await push(app, devices[1].update("a", second));
    await expectEverywhere(app, "a", {
      ...task,
      details: { due: "D", notes: "n" },
      votes: { ann: 1, bob: 2, cid: 3 },
    });
  });

  it("of one field leave the value that reached the server last (D5)", async () => {
    const { app, devices } = await sharedTask([one, other], task);
    await push(app, devices[0].update("a", { title: "first", data: [1] }));
    await push(app, devices[1].update("a", { title: "second", data: undefined }));
    await expectEverywhere(app, "a", { ...task, title: "second", data: [1] });
  });

  it("leave a removed field removed, or set, as the last arrival says (D5)", async () => {
    const { app, devices } = await sharedTask([one, other], { ...task, data: 0 });
    await push(app, devices[0].update("a", { data: 1, details: undefined }));
    await push(app, devices[1].update("a", { data: undefined, details: { due: "D" } }));
    await expectEverywhere(app, "a", { ...task, details: { due: "D" } });
  });

  it("keep a nested edit that arrives after its object was removed", async () => {
    const { app, devices } = await sharedTask([one, other], task);
    await push(app, devices[0].update("a", { details: undefined }));
    await push(app, devices[1].update("a", { details: { due: "d", notes: "n" } }));
    await expectEverywhere(app, "a", { ...task, details: { notes: "n" } });
  });

  it("let the removal of an object take along an edit below it that arrived before", async () => {
    const { app, devices } = await sharedTask([one, other], task);
    await push(app, devices[0].update("a", { details: { due: "d", notes: "n" } }));
    await push(app, devices[1].update("a", { details: undefined }));
    const third = new Device(9);
    await third.pull(app);
    await push(app, third.update("a", { details: { due: "D" } }));
    await expectEverywhere(app, "a", { ...task, details: { due: "D" } });
  });

  it("do not bring back what a removed object held when someone else re-opens it", async () => {
    const { app, devices } = await sharedTask([one, other], task);
    const late = new Device(10);
    await late.pull(app);
    await push(app, devices[0].update("a", { details: { due: "d", notes: "n" } }));
    await push(app, devices[1].update("a", { details: undefined }));
    await push(app, late.update("a", { details: { due: "late" } }));
    await expectEverywhere(app, "a", { ...task, details: { due: "late" } });
  });

  it("from two offline creators of one id merge field by field (D1)", async () => {
    const app = newApp();
    const [first, second] = [new Device(one), new Device(other)];
    await push(app, first.insert("a", { title: "first", details: { due: "d" } }));
    await push(app, second.insert("a", { title: "second", details: { notes: "n" } }));
    await expectEverywhere(app, "a", { title: "second", details: { due: "d", notes: "n" } });
  });
});

it("devices that pushed see what everyone sees", async () => {
  const { app, devices } = await sharedTask([7, 8], task);
  await push(app, devices[1].update("a", { title: "first" }));
  await push(app, devices[0].update("a", { title: "second" }));
  for (const device of devices) {
    await device.pull(app);
    expect(device.row("a")).toEqual({ ...task, title: "second" });
  }
});
