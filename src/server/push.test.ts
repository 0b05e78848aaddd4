import { describe, expect, it } from "vitest";
import {
  accepted,
  api,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  removed,
  sender,
  sharedTask,
  stored,
  streamAll,
  unchanged,
} from "./setup.test.js";

const entriesOf = async (app: ReturnType<typeof newApp>) => (await streamAll(app)).length;

describe("the single mutations", () => {
  it("insert, update and remove, with the answer of a push", async () => {
    const app = newApp();
    const ann = new Device(7);
    const { op: _i, ...insert } = ann.insert("a", { title: "t" });
    expect(await app.mutation(api.tasks.insert, { sender, ...insert })).toEqual(accepted);
    const { op: _u, ...update } = ann.update("a", { done: true });
    expect(await app.mutation(api.tasks.update, { sender, ...update })).toEqual(accepted);
    await expectEverywhere(app, "a", { title: "t", done: true });
    const { document, generation } = ann.remove("a");
    expect(await app.mutation(api.tasks.remove, { sender, document, generation })).toEqual(
      accepted,
    );
    await expectEverywhere(app, "a", null);
    expect(await app.mutation(api.tasks.update, { sender, ...update })).toEqual(removed);
  });

  it("count versions and stamp times in the app's table", async () => {
    const app = newApp();
    const ann = new Device(7);
    await push(app, ann.insert("a", { title: "t" }));
    const first = await stored(app, "a");
    await push(app, ann.update("a", { done: true }));
    const second = await stored(app, "a");
    expect([first!.version, second!.version]).toEqual([1, 2]);
    expect(second!.timestamp).toBeGreaterThanOrEqual(first!.timestamp);
    expect(second!._id).toBe(first!._id);
  });
});

describe("a change sent twice", () => {
  it("appends nothing, runs no hook and is accepted", async () => {
    let hooks = 0;
    const count = () => void hooks++;
    const app = newApp({ evalWrite: count, onInsert: count, onUpdate: count, onRemove: count });
    const ann = new Device(7);
    const changes = [
      ann.insert("a", { title: "t" }),
      ann.update("a", { done: true }),
      ann.remove("a"),
    ];
    for (const [index, change] of changes.entries()) {
      expect(await push(app, change)).toEqual([accepted]);
      const before = { hooks, entries: await entriesOf(app), row: await stored(app, "a") };
      expect(before.hooks).toBe(2 * (index + 1));
      expect(await push(app, change)).toEqual([unchanged]);
      expect({ hooks, entries: await entriesOf(app), row: await stored(app, "a") }).toEqual(before);
    }
  });

  it("is accepted also when its value has since been replaced, which stays replaced", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const first = devices[0].update("a", { title: "first" });
    await push(app, first);
    await push(app, devices[1].update("a", { title: "second" }));
    expect(await push(app, first)).toEqual([unchanged]);
    await expectEverywhere(app, "a", { title: "second" });
  });
});

describe("a batch", () => {
  const inserts = (count: number) =>
    Array.from({ length: count }, (_, n) => new Device(7).insert(`d${n}`, { title: `${n}` }));

  it("answers for each document on its own: one refusal takes nothing else with it", async () => {
    const app = newApp();
    const [good, bad, also] = inserts(3);
    const broken = { ...bad!, parts: [{ part: "fields", update: new ArrayBuffer(3) }] };
    const results = await push(app, good!, broken, also!);
    expect(results).toEqual([accepted, rejected("INVALID_UPDATE"), accepted]);
    await expectEverywhere(app, "d0", { title: "0" });
    await expectEverywhere(app, "d1", null);
    await expectEverywhere(app, "d2", { title: "2" });
  });

  it("commits as one: all entries share a timestamp", async () => {
    const app = newApp();
    const results = await push(app, ...inserts(3));
    const stamps = results.map((result) => result.status === "accepted" && result.ts);
    expect(new Set(stamps).size).toBe(1);
  });

  it("of nothing is fine", async () => {
    expect(await push(newApp())).toEqual([]);
  });

  it("of one document twice is refused whole, with a code", async () => {
    const app = newApp();
    const refusal = expect.objectContaining({
      data: expect.objectContaining({ code: "INVALID_PUSH" }) as unknown,
    }) as Error;
    await expect(push(app, ...inserts(1), ...inserts(1))).rejects.toThrow(refusal);
    expect(await entriesOf(app)).toBe(0);
  });
});
