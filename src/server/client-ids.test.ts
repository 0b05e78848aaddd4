import { describe, expect, it } from "vitest";
import { MAX_CLIENT_IDS_PER_DOCUMENT, MAX_CLIENT_IDS_PER_OWNER } from "../shared/limits.js";
import type { Caller } from "./caller.js";
import { checkAuthors, standingOf, standingsFor, type Standing } from "./client-ids.js";
import {
  accepted,
  api,
  Device,
  expectEverywhere,
  newApp,
  push,
  pushFrom,
  rejected,
  sender,
  senderOf,
  sharedTask,
  streamAll,
  unchanged,
} from "./setup.test.js";

const taken = rejected("CLIENT_ID_TAKEN");

describe("a client id belongs to who used it first (S3)", () => {
  it("so that nobody can make the server ignore another device's work", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const [victim] = devices;
    expect(await push(app, victim.update("a", { done: false }))).toEqual([accepted]);
    // Eve has seen device 7 and would use up with its id what it has not used yet.
    const eve = new Device(victim.clientId);
    await eve.pull(app);
    const honest = victim.update("a", { title: "honest work" });
    const log = (await streamAll(app)).length;
    expect(await pushFrom(app, senderOf("e"), eve.update("a", { done: true }))).toEqual([taken]);
    expect(await streamAll(app)).toHaveLength(log);
    expect(await push(app, honest)).toEqual([accepted]);
    await expectEverywhere(app, "a", { title: "honest work", done: false });
  });

  it("in every document", async () => {
    const app = newApp();
    await push(app, new Device(7).insert("a", { title: "t" }));
    const forged = new Device(7).insert("b", { title: "forged" });
    expect(await pushFrom(app, senderOf("e"), forged)).toEqual([taken]);
    await expectEverywhere(app, "b", null);
  });

  it("and one document that is refused holds up no other", async () => {
    const app = newApp();
    await push(app, new Device(7).insert("a", { title: "t" }));
    const answers = await pushFrom(
      app,
      senderOf("e"),
      new Device(7).insert("b", { title: "forged" }),
      new Device(66).insert("c", { title: "own" }),
    );
    expect(answers).toEqual([taken, accepted]);
  });

  it("but anyone may repeat what is known", async () => {
    const app = newApp();
    const insert = new Device(7).insert("a", { title: "t" });
    await push(app, insert);
    expect(await pushFrom(app, senderOf("e"), insert)).toEqual([unchanged]);
  });

  it("and is bound by what is written only", async () => {
    const app = newApp({
      evalWrite: (_ctx, { next }) => {
        if (next?.title === "no") throw new Error("broken");
      },
    });
    const refused = new Device(7).insert("a", { title: "no" });
    await expect(pushFrom(app, senderOf("e"), refused)).rejects.toThrow("broken");
    expect(await push(app, new Device(7).insert("a", { title: "yes" }))).toEqual([accepted]);
  });

  it("when nobody is signed in, it goes with the device to whoever signs in first", async () => {
    const app = newApp();
    const device = new Device(7);
    await push(app, device.insert("a", { title: "t" }));
    const names = ["ann", "bob"].map((name) => app.withIdentity({ name }));
    const [ann, bob] = await Promise.all(
      names.map(async (as) => {
        const { identity } = await as.query(api.tasks.protocol, {});
        return { as, from: { ...sender, identity } };
      }),
    );
    expect(ann!.from.identity).not.toBe(bob!.from.identity);
    const update = (title: string) => device.update("a", { title });
    expect(await pushFrom(ann!.as, ann!.from, update("ann's"))).toEqual([accepted]);
    expect(await pushFrom(bob!.as, bob!.from, update("bob's"))).toEqual([taken]);
    expect(await push(app, update("nobody's"))).toEqual([taken]);
  });
});

describe("two copies of one store (C6)", () => {
  /** A device that has sent from one page, and a copy of its store. */
  async function copies() {
    const { app, devices } = await sharedTask([7, 7], { title: "t" });
    const first = { ...sender, pageIds: ["one"] };
    expect(await pushFrom(app, first, devices[0].update("a", { done: true }))).toEqual([accepted]);
    await devices[1].pull(app);
    return { app, devices, left: ["left", "one"], right: ["right", "one"] };
  }

  it("are told apart by the pages they do not share, although their clocks are the same", async () => {
    const { app, devices, left, right } = await copies();
    const [one, two] = devices.map((device) => device.update("a", { title: device.clientId + "" }));
    expect(await pushFrom(app, { ...sender, pageIds: left }, one!)).toEqual([accepted]);
    expect(await pushFrom(app, { ...sender, pageIds: right }, two!)).toEqual([taken]);
    const next = devices[0].update("a", { done: false });
    expect(await pushFrom(app, { ...sender, pageIds: left }, next)).toEqual([accepted]);
  });

  it("even where the server knows all that the second one says", async () => {
    const { app, devices, left, right } = await copies();
    const update = devices[0].update("a", { title: "same" });
    expect(await pushFrom(app, { ...sender, pageIds: left }, update)).toEqual([accepted]);
    expect(await pushFrom(app, { ...sender, pageIds: right }, update)).toEqual([taken]);
    expect(await pushFrom(app, { ...sender, pageIds: left }, update)).toEqual([unchanged]);
  });

  it("do not disturb pages of one store that follow each other, however many sent nothing", async () => {
    const { app, devices } = await copies();
    const later = ["five", "four", "three", "two", "one"];
    const [device] = devices;
    const update = () => device.update("a", { title: `${Math.random()}` });
    expect(await pushFrom(app, { ...sender, pageIds: later }, update())).toEqual([accepted]);
    expect(await pushFrom(app, { ...sender, pageIds: later.slice(1) }, update())).toEqual([taken]);
  });
});

describe("a sender that makes no sense is refused as a whole:", () => {
  it.each([
    ["a short secret", { secret: "0".repeat(31) }],
    ["a secret that is not hexadecimal", { secret: "z".repeat(32) }],
    ["no page id", { pageIds: [] }],
    ["too many page ids", { pageIds: new Array<string>(17).fill("page") }],
    ["an empty page id", { pageIds: [""] }],
    ["a long page id", { pageIds: ["x".repeat(33)] }],
  ])("%s", async (_what, rest) => {
    const insert = new Device(7).insert("a", { title: "t" });
    const from = { ...sender, ...rest };
    await expect(pushFrom(newApp(), from, insert)).rejects.toThrow("INVALID_PUSH");
  });
});

describe("changes of another identity are refused, and no document is blamed:", () => {
  const insert = new Device(7).insert("a", { title: "t" });

  it("someone signed out", async () => {
    const app = newApp();
    const from = { ...sender, identity: "0123456789abcdef" };
    await expect(pushFrom(app, from, insert)).rejects.toThrow("IDENTITY_CHANGED");
    expect(await streamAll(app)).toEqual([]);
  });

  it("someone signed in", async () => {
    const app = newApp();
    const ann = app.withIdentity({ name: "ann" });
    await expect(pushFrom(ann, sender, insert)).rejects.toThrow("IDENTITY_CHANGED");
    expect(await streamAll(app)).toEqual([]);
  });

  it("which the protocol names the same for the same person, and says nothing about", async () => {
    const app = newApp();
    const of = async (subject: string) =>
      (await app.withIdentity({ subject, issuer: "i" }).query(api.tasks.protocol, {})).identity;
    expect(await of("ann")).toBe(await of("ann"));
    expect(await of("ann")).not.toBe(await of("bob"));
    expect(await of("ann")).toMatch(/^[0-9a-f]{32}$/);
  });

  it("and the stream names who it is for", async () => {
    const ann = newApp().withIdentity({ name: "ann" });
    const { identity } = await ann.query(api.tasks.protocol, {});
    expect(await ann.query(api.tasks.stream, { cursor: null })).toMatchObject({ identity });
  });
});

describe("how many ids there may be", () => {
  const caller: Caller = { owner: "user u", device: "d", pageIds: ["page", "before"] };

  it("is bounded for their owner", () => {
    const ids = Array.from({ length: 5 }, (_, n) => n + 2);
    const free = ids.map(() => null);
    const claimable = (used: number) =>
      [...standingsFor(ids, free, used, caller).values()].filter((one) => one === "claimable");
    expect(claimable(0)).toHaveLength(5);
    expect(claimable(MAX_CLIENT_IDS_PER_OWNER - 3)).toHaveLength(3);
    expect(claimable(MAX_CLIENT_IDS_PER_OWNER)).toHaveLength(0);
  });

  const check = (standing: Standing, fresh: number[], known = 0) => {
    const ids = new Map(Array.from({ length: known }, (_, n) => [n + 100, 1]));
    checkAuthors(new Map([[7, standing]]), new Set([7]), new Set(fresh), ids);
  };

  it("is bounded for a document", () => {
    expect(() => check("own", [7], MAX_CLIENT_IDS_PER_DOCUMENT - 1)).not.toThrow();
    expect(() => check("own", [7], MAX_CLIENT_IDS_PER_DOCUMENT)).toThrow("at most 5000");
    expect(() => check("own", [100], MAX_CLIENT_IDS_PER_DOCUMENT)).not.toThrow();
  });

  it("matters only to what is new", () => {
    expect(() => check("excessive", [])).not.toThrow();
    expect(() => check("excessive", [7])).toThrow("100000");
    expect(() => check("foreign", [])).not.toThrow();
    expect(() => check("foreign", [7])).toThrow("belongs to another user or device");
    expect(() => check("forked", [])).toThrow("belongs to another user or device");
  });

  it.each<[string, Standing]>([
    ["page", "own"],
    ["before", "claimable"],
    ["another copy's", "forked"],
  ])("an id that the page %s used last is %s", (pageId, standing) => {
    expect(standingOf({ owner: "user u", device: "d", pageId }, caller)).toBe(standing);
  });
});
