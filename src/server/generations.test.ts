import { componentsGeneric } from "convex/server";
import { beforeEach, describe, expect, it } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { FIELDS_PART, loadPart, mintUpdate } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Result } from "../shared/wire.js";
import {
  accepted,
  changeOf,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  removed,
  stored,
  streamAll,
  unchanged,
  type App,
} from "./setup.test.js";

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;

let app: App;
let ann: Device;
let bob: Device;

beforeEach(async () => {
  app = newApp();
  [ann, bob] = [new Device(7), new Device(8)];
  await push(app, ann.insert("a", { title: "t" }));
  await bob.pull(app);
});

it("a removed document stays removed when someone edited it offline", async () => {
  const offline = bob.update("a", { title: "offline" });
  expect(await push(app, ann.remove("a"))).toEqual([accepted]);
  expect(await push(app, offline)).toEqual([{ status: "removed", generation: 1 }]);
  await expectEverywhere(app, "a", null);
  expect((await streamAll(app)).map((entry) => entry.kind)).toEqual(["tombstone"]);
});

it("a document inserted again starts clean, and edits of its former generation stay out", async () => {
  const offline = bob.update("a", { done: true, title: "offline" });
  await push(app, ann.remove("a"));
  expect(await push(app, ann.insert("a", { title: "again" }))).toEqual([
    expect.objectContaining({ status: "accepted", generation: 2 }),
  ]);
  expect(await push(app, offline)).toEqual([{ status: "removed", generation: 1 }]);
  await expectEverywhere(app, "a", { title: "again" });
});

it("two removals are one", async () => {
  const late = bob.remove("a");
  await push(app, ann.remove("a"));
  expect(await push(app, late)).toEqual([unchanged]);
  expect(await streamAll(app)).toHaveLength(1);
});

it("a late removal of a former generation leaves the present one alone", async () => {
  const late = bob.remove("a");
  await push(app, ann.remove("a"));
  await push(app, ann.insert("a", { title: "again" }));
  expect(await push(app, late)).toEqual([unchanged]);
  await expectEverywhere(app, "a", { title: "again" });
});

it("an accepted insert that is sent again after the removal does not come back", async () => {
  const insert = new Device(9).insert("b", { title: "b" });
  await push(app, insert);
  await bob.pull(app);
  await push(app, bob.remove("b"));
  expect(await push(app, insert)).toEqual([removed]);
  await expectEverywhere(app, "b", null);
});

it("an insert by someone who never knew of the document starts a new generation", async () => {
  const unaware = new Device(9).insert("a", { title: "unaware" });
  await push(app, ann.remove("a"));
  expect(await push(app, unaware)).toEqual([
    expect.objectContaining({ status: "accepted", generation: 2 }),
  ]);
  await expectEverywhere(app, "a", { title: "unaware" });
});

it("an insert that was moved to a later generation does not come back either", async () => {
  const unaware = new Device(9).insert("a", { title: "unaware" });
  await push(app, ann.remove("a"));
  await push(app, unaware);
  await bob.pull(app);
  await push(app, bob.remove("a"));
  expect(await push(app, unaware)).toEqual([removed]);
  await expectEverywhere(app, "a", null);
  await push(app, bob.insert("a", { title: "third generation" }));
  expect(await push(app, unaware)).toEqual([removed]);
  await expectEverywhere(app, "a", { title: "third generation" });
});

it("an update of a document that never was is refused", async () => {
  const stray = ann.update("a", { title: "stray" });
  for (const generation of [1, 5]) {
    expect(await push(app, { ...stray, document: "b", generation })).toEqual([
      rejected("UNKNOWN_DOCUMENT"),
    ]);
  }
  expect(await push(app, { ...stray, generation: 2 })).toEqual([rejected("UNKNOWN_DOCUMENT")]);
  await expectEverywhere(app, "b", null);
});

it("a removal of a document that never was changes nothing", async () => {
  const stray = { document: "b", generation: 1, op: "remove" as const, parts: [] };
  expect(await push(app, stray)).toEqual([unchanged]);
  expect(await streamAll(app)).toHaveLength(1);
});

describe("a document whose log is longer than can be read", { timeout: 120_000 }, () => {
  /** What a deployment may hold whose compaction had stopped. */
  beforeEach(async () => {
    const doc = loadPart((await streamAll(app)).map(({ bytes }) => new Uint8Array(bytes)));
    for (let n = 0; n < 18; n++) {
      const value = new Map([["data", String(n % 10).repeat(1_000_000)]]);
      const bytes = toArrayBuffer(mintUpdate(doc, value, 7)!);
      const head = { scope: "", document: "a", part: FIELDS_PART, generation: 1, begins: false };
      const entries = [{ ...head, kind: "update" as const, bytes }];
      await app.mutation((ctx) =>
        ctx.runMutation(component.log.append, { collection: "tasks", entries }),
      );
    }
  });

  it("is removed, and its insert stays removed when it is sent again", async () => {
    const again = changeOf("insert", "a", new Uint8Array((await streamAll(app))[0]!.bytes), 1);
    expect(await push(app, ann.remove("a"))).toEqual([accepted]);
    expect(await stored(app, "a")).toBeNull();
    expect(await push(app, again)).toEqual([removed]);
    expect(await push(app, ann.insert("a", { title: "again" }))).toEqual([
      expect.objectContaining({ status: "accepted", generation: 2 }),
    ]);
  });

  it("refuses edits until it has been compacted, which every try brings nearer", async () => {
    const edit = bob.update("a", { title: "at last" });
    const answers: Result[] = [];
    while (answers.at(-1)?.status !== "accepted" && answers.length < 10) {
      answers.push(...(await push(app, edit)));
    }
    expect(answers[0]).toMatchObject(rejected("DOCUMENT_FULL"));
    expect(answers.at(-1)).toEqual(accepted);
    expect(await stored(app, "a")).toMatchObject({ title: "at last" });
  });
});
