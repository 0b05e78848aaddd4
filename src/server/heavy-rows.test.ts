import { beforeEach, describe, expect, it, vi } from "vitest";
import { MAX_ROW_WEIGHT } from "../shared/limits.js";
import {
  accepted,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  stored,
  storedRow,
  streamAll,
  type App,
} from "./setup.test.js";

/** A value of about so much weight, which only the app can store: an update brings less. */
const objects = (weight: number) =>
  Array.from({ length: Math.ceil(weight / 4 / 8_000) }, () =>
    Array.from({ length: 8_000 }, () => ({})),
  );

async function patch(app: App, id: string, fields: object) {
  const row = await stored(app, id);
  await app.run((ctx) => ctx.db.patch("tasks", row!._id, fields));
}

describe("a row that weighs more than a row may, because the app made it so (S8)", () => {
  const data = objects(MAX_ROW_WEIGHT + 50_000);
  let app: App;
  let ann: Device;

  beforeEach(async () => {
    app = newApp({ compaction: { entries: 1, bytes: 1, minAgeMs: 0 } });
    ann = new Device(7);
    await push(app, ann.insert("a", { title: "t", done: true }), ann.insert("b", { title: "b" }));
    await patch(app, "a", { data });
  });

  it("can be edited, but not made heavier", async () => {
    expect(await push(app, ann.update("a", { title: "T" }))).toEqual([accepted]);
    const heavier = ann.update("a", { votes: { ann: 1 } });
    expect(await push(app, heavier)).toEqual([rejected("ROW_TOO_LARGE")]);
    await expectEverywhere(app, "a", { title: "T", done: true, data });
  });

  it("can be made lighter, be it not enough", async () => {
    expect(await push(app, ann.update("a", { done: undefined }))).toEqual([accepted]);
    await expectEverywhere(app, "a", { title: "t", data });
    const bob = new Device(8);
    await bob.pull(app);
    expect(await push(app, bob.update("a", { data: undefined }))).toEqual([accepted]);
    await expectEverywhere(app, "a", { title: "t" });
  });

  it("can be removed", async () => {
    expect(await push(app, ann.remove("a"))).toEqual([accepted]);
    await expectEverywhere(app, "a", null);
  });

  it("is compacted by no push until it is lighter", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const edit = async (change: { title?: string; data?: undefined }) => {
      vi.setSystemTime(Date.now() + 1_000);
      expect(await push(app, ann.update("a", change))).toEqual([accepted]);
      return (await streamAll(app)).filter(({ document }) => document === "a").length;
    };
    for (const n of [1, 2, 3]) expect(await edit({ title: `${n}` })).toBe(n + 2);
    await ann.pull(app);
    expect(await edit({ data: undefined })).toBeLessThan(4);
    vi.useRealTimers();
    await expectEverywhere(app, "a", { title: "3", done: true });
  });
});

describe("beside a page", () => {
  const rowsOf = async (app: App) =>
    (await streamAll(app, true)).flatMap(({ row }) => (row ? [row["title"]] : []));

  it("goes the heaviest row there may be", async () => {
    const app = newApp();
    await push(app, new Device(7).insert("a", { title: "a" }));
    await patch(app, "a", { data: objects(MAX_ROW_WEIGHT - 40_000) });
    expect(await rowsOf(app)).toEqual(["a"]);
  });

  it("go as many rows as weigh so much that the page is made in time, in its order", async () => {
    const app = newApp();
    const ann = new Device(7);
    const ids = Array.from("abcdefgh");
    await push(app, ...ids.map((id) => ann.insert(id, { title: id })));
    for (const id of ids.slice(1)) await patch(app, id, { data: objects(MAX_ROW_WEIGHT - 40_000) });
    expect(await rowsOf(app)).toEqual(["a", "b", "c"]);
    expect(await streamAll(app)).toHaveLength(ids.length);
  });

  it("goes no row that is heavier than one may be twice over", async () => {
    const app = newApp();
    await push(app, new Device(7).insert("a", { title: "a" }));
    await patch(app, "a", { data: objects(2 * MAX_ROW_WEIGHT) });
    expect(await rowsOf(app)).toEqual([]);
    expect(await storedRow(app, "a")).toMatchObject({ title: "a" });
  });
});
