import { componentsGeneric } from "convex/server";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import {
  api,
  Device,
  expectEverywhere,
  newApp,
  push,
  storedRow,
  unchanged,
  streamAll,
  type App,
} from "./setup.test.js";

// What becomes of changes of documents that were removed so long ago that nobody remembers (S6).

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;
const DAY = 24 * 60 * 60_000;

let app: App;
let ann: Device;
let bob: Device;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  app = newApp();
  [ann, bob] = [new Device(7), new Device(8)];
  await push(app, ann.insert("a", { title: "t" }));
  await bob.pull(app);
});
afterEach(() => void vi.useRealTimers());

/** Much later. */
async function prune() {
  vi.setSystemTime(Date.now() + 181 * DAY);
  await app.mutation(async (ctx) => {
    await ctx.runMutation(component.maintenance.run, { sweep: "pruning" });
  });
  await app.finishAllScheduledFunctions(vi.runAllTimers);
}

const inGeneration = (generation: number) =>
  expect.objectContaining({ status: "accepted", generation }) as unknown;

it("an edit of one brings nothing back, and its author hears of it", async () => {
  const offline = bob.update("a", { title: "offline" });
  await push(app, ann.remove("a"));
  await prune();
  expect(await push(app, offline)).toMatchObject([
    { status: "rejected", code: "UNKNOWN_DOCUMENT" },
  ]);
  expect(await storedRow(app, "a")).toBeNull();
  expect(await streamAll(app)).toEqual([]);
});

it("a removal of one is as good as done", async () => {
  const offline = bob.remove("a");
  await push(app, ann.remove("a"));
  await prune();
  expect(await push(app, offline)).toMatchObject([{ status: "accepted", ts: null }]);
});

it("one that is inserted again has a generation that it never had, for those who remember its end", async () => {
  const edit = bob.update("a", { title: "offline" });
  const removal = bob.remove("a");
  await push(app, ann.remove("a"));
  await prune();
  // By someone who knows nothing of it.
  expect(await push(app, new Device(9).insert("a", { title: "anew" }))).toEqual([inGeneration(2)]);
  expect(await push(app, edit)).toEqual([{ status: "removed", generation: 1 }]);
  expect(await push(app, removal)).toEqual([unchanged]);
  await expectEverywhere(app, "a", { title: "anew" });
});

it("generations go on where others were forgotten, also of what someone wrote to the table", async () => {
  await push(app, ann.remove("a"));
  await push(app, ann.insert("a", { title: "again" }));
  await push(app, ann.remove("a"));
  await prune();
  expect(await push(app, ann.insert("b", { title: "b" }))).toEqual([inGeneration(3)]);
  await app.run((ctx) =>
    ctx.db.insert("tasks", { id: "c", version: 1, timestamp: 0, title: "by hand" }),
  );
  expect(await push(app, new Device(9).insert("c", { title: "c" }))).toEqual([inGeneration(3)]);
});

it("a generation that is going on is left as it is", async () => {
  await push(app, ann.remove("a"));
  await push(app, ann.insert("a", { title: "again" }));
  await prune();
  await bob.pull(app);
  expect(await push(app, bob.update("a", { title: "still" }))).toEqual([inGeneration(2)]);
  await expectEverywhere(app, "a", { title: "still" });
});

it("clients are told to begin anew, with nothing else in the page", async () => {
  const { cursor } = await app.query(api.tasks.stream, { cursor: null });
  await push(app, ann.remove("a"));
  await prune();
  const page = await app.query(api.tasks.stream, { cursor, rows: true });
  expect(page).toEqual({
    entries: [],
    cursor: null,
    done: false,
    progress: 0,
    reset: "pruned",
    identity: null,
  });
});
