import { componentsGeneric } from "convex/server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import {
  accepted,
  Device,
  expectEverywhere,
  newApp,
  push,
  rejected,
  streamAll,
  taskFields,
  type App,
} from "./setup.test.js";
import { Replicate } from "./index.js";

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;
const MINUTE = 60_000;
const AT_ONCE = { entries: 1, bytes: 1, minAgeMs: 0 };

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

/** Pushes so many edits of one title, each after `ms`. */
async function editTitle(app: App, device: Device, times: number, ms: number) {
  for (let n = 0; n < times; n++) {
    vi.setSystemTime(Date.now() + ms);
    expect(await push(app, device.update("a", { title: `title ${n}` }))).toEqual([accepted]);
  }
}

async function appWithTask(compaction: object = {}) {
  const app = newApp({ compaction });
  const device = new Device(7);
  await push(app, device.insert("a", { title: "first" }));
  return { app, device };
}

describe("a push", () => {
  it("compacts the log that it finds long", async () => {
    const { app, device } = await appWithTask();
    await editTitle(app, device, 32, 10 * MINUTE);
    expect(await streamAll(app)).toHaveLength(33);
    await editTitle(app, device, 1, 10 * MINUTE);
    expect(await streamAll(app)).toHaveLength(2);
    await expectEverywhere(app, "a", { title: "title 0" });
  });

  it("keeps the log of a document short that is edited all the time", async () => {
    const { app, device } = await appWithTask({ entries: 8 });
    let longest = 0;
    for (let n = 0; n < 30; n++) {
      await editTitle(app, device, 5, 100);
      longest = Math.max(longest, (await streamAll(app)).length);
    }
    // The 31 newest, at most 8 before them that wait to be compacted, the snapshot and the last push.
    expect(longest).toBeLessThanOrEqual(31 + 8 + 2);
    await expectEverywhere(app, "a", { title: "title 4" });
  });

  it("lets large edits pile up no further than to twice the row, or Convex could not read the log", async () => {
    const { app, device } = await appWithTask();
    for (let n = 0; n < 6; n++) {
      const data = String(n).repeat(300_000);
      expect(await push(app, device.update("a", { data }))).toEqual([accepted]);
    }
    const sizes = (await streamAll(app)).map(({ bytes }) => bytes.byteLength);
    expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(3 * 300_000 + 1_000);
  });

  it("that is refused compacts nothing", async () => {
    const { app, device } = await appWithTask(AT_ONCE);
    await editTitle(app, device, 1, 1);
    const refused = device.update("a", { title: 5 });
    expect(await push(app, refused)).toEqual([rejected("INVALID_ROW")]);
    expect(await streamAll(app)).toHaveLength(2);
  });

  it("compacts many documents at once, and none that it removes", async () => {
    const app = newApp({ compaction: AT_ONCE });
    const device = new Device(7);
    const ids = ["a", "b", "c"];
    await push(app, ...ids.map((id) => device.insert(id, { title: id })));
    for (let n = 0; n < 2; n++) {
      vi.setSystemTime(Date.now() + 1);
      await push(app, ...ids.map((id) => device.update(id, { title: `${id} ${n}` })));
    }
    vi.setSystemTime(Date.now() + 1);
    const last = [device.update("a", { title: "a 2" }), device.remove("b")];
    expect(await push(app, ...last)).toEqual([accepted, accepted]);
    const entries = (await streamAll(app)).map(({ document, kind }) => [document, kind]);
    expect(entries).toEqual([
      ["c", "update"],
      ["a", "update"],
      ["c", "update"],
      ["a", "update"],
      ["b", "tombstone"],
    ]);
    await expectEverywhere(app, "a", { title: "a 2" });
    await expectEverywhere(app, "c", { title: "c 1" });
  });
});

describe("the option `compaction`", () => {
  const withOptions = (compaction: object) =>
    new Replicate(component, "tasks", { fields: taskFields, compaction });

  it.each([
    {},
    { entries: 1 },
    { entries: 500, bytes: 2 * 1024 * 1024, minAgeMs: 24 * 60 * MINUTE },
    { entries: undefined },
  ])("takes %j", (compaction) => {
    expect(() => withOptions(compaction)).not.toThrow();
  });

  it.each([
    [{ entries: 0 }, "`compaction.entries` must be a whole number from 1 to 500, but is 0."],
    [{ entries: 501 }, "but is 501."],
    [{ bytes: 1.5 }, "`compaction.bytes` must be a whole number from 1 to 2097152, but is 1.5."],
    [
      { minAgeMs: -1 },
      "`compaction.minAgeMs` must be a whole number from 0 to 86400000, but is -1.",
    ],
    [{ entries: "32" }, "but is 32."],
    [{ minAgeMs: NaN }, "but is NaN."],
    [{ after: 5 }, "`compaction` has no option `after`. Options: entries, bytes, minAgeMs."],
  ])("refuses %j", (compaction, message) => {
    expect(() => withOptions(compaction)).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTIONS",
        message: expect.stringContaining(message) as string,
      }),
    );
  });
});
