import { ConvexError } from "convex/values";
import { describe, expect, it } from "vitest";
import { ReplicateError } from "../../shared/errors.js";
import type { Result } from "../../shared/wire.js";
import { HOUR, SECOND } from "../setup.test.js";
import {
  accepted,
  all,
  fails,
  missing,
  never,
  setUp,
  WINDOW_MS,
  type Answer,
} from "./push-setup.test.js";

describe("a document that cannot go", () => {
  const poison =
    (error: Error): Answer =>
    async (changes) => {
      if (changes.some(({ document }) => document === "poison")) throw error;
      return all(accepted)(changes);
    };

  it("does not hold up others, which go one by one, when the server breaks on it", async () => {
    const { time, host, pushes, pusher, change } = setUp({ answer: poison(new Error("broke")) });
    pusher.start();
    change("a", "poison", "b");
    await time.advance(10 * SECOND);
    expect([...host.outbox.keys()]).toEqual(["poison"]);
    expect(pushes[0]!.documents).toEqual(["a", "poison", "b"]);
    expect(pushes.slice(1).every(({ documents }) => documents.length === 1)).toBe(true);
    change("c", "d");
    const { length } = pushes;
    await time.advance(SECOND);
    expect(pushes.slice(length).map(({ documents }) => documents)).toContainEqual(["c", "d"]);
    await time.advance(HOUR);
    expect(pushes.length).toBeLessThan(300);
    expect(host.reports.at(-1)).toBe("broke");
  });

  it("is rejected when the whole push was refused because of it", async () => {
    const refusal = new ConvexError({ code: "SLOW_DOWN", message: "Too many." });
    const { time, host, pusher, change } = setUp({ answer: poison(refusal) });
    pusher.start();
    change("a", "poison", "b");
    await time.advance(10 * SECOND);
    expect(host.rejected).toEqual(["poison"]);
    expect(host.outbox.size).toBe(0);
  });

  it("waits longer and longer while it lacks something on the server", async () => {
    const { time, host, pushes, pusher, change } = setUp({
      answer: async (changes) =>
        changes.map(({ document }) => ({
          document,
          result: document === "poison" ? missing : accepted,
        })),
    });
    pusher.start();
    change("a", "poison");
    await time.advance(HOUR);
    expect([...host.outbox.keys()]).toEqual(["poison"]);
    expect(pushes.length).toBeGreaterThan(60);
    expect(pushes.length).toBeLessThan(300);
    expect(host.reports.at(-1)).toBe("Later.");
  });
});

describe("a failure that is nobody's", () => {
  it("no answer: everything waits, and the same goes out again", async () => {
    const { time, host, pushes, pusher, change, network } = setUp({ answer: never });
    pusher.start();
    change("a", "b");
    await time.advance(60 * SECOND + WINDOW_MS);
    expect(host.reports).toEqual(["The server did not answer a push in time."]);
    network.answer = all(accepted);
    change("c"); // no reason to try before the pause is over
    await time.advance(100);
    expect(pushes).toHaveLength(1);
    await time.advance(SECOND);
    expect(pushes[1]!.documents).toEqual(["a", "b", "c"]);
    expect(host.reports.at(-1)).toBeNull();
    expect(host.outbox.size).toBe(0);
  });

  it("storage fails: everything waits", async () => {
    const { time, host, pushes, pusher, change } = setUp();
    host.failMint = new ReplicateError("STORAGE_FAILED", "The disk is full.");
    pusher.start();
    change("a");
    await time.advance(HOUR);
    expect(pushes).toEqual([]);
    expect(new Set(host.reports)).toEqual(new Set(["The disk is full."]));
    host.failMint = null;
    await time.advance(120 * SECOND);
    expect(host.outbox.size).toBe(0);
  });
});

describe("a server that asks for less", () => {
  const limited = (data: object = {}) =>
    new ConvexError({ code: "RATE_LIMITED", message: "Slow down.", ...data });

  it("gets it later, and nothing is rejected", async () => {
    const { time, host, pushes, pusher, change, network } = setUp({
      answer: fails(limited({ retryAfterMs: 90 * SECOND })),
    });
    pusher.start();
    change("a", "b");
    await time.advance(WINDOW_MS);
    expect(host.reports).toEqual([expect.stringContaining("Slow down.")]);
    network.answer = all(accepted);
    change("c");
    await time.advance(SECOND);
    await pusher.sendNow(); // a new connection, or a page that is hidden
    await time.advance(88 * SECOND);
    expect(pushes).toHaveLength(1);
    await time.advance(2 * SECOND);
    expect(pushes.slice(1).flatMap(({ documents }) => documents)).toEqual(["a", "b", "c"]);
    expect(host.outbox.size).toBe(0);
    expect(host.rejected).toEqual([]);
    expect(host.reports.at(-1)).toBeNull();
  });

  it("is not left alone for ever, whatever it asks for", async () => {
    const { time, pushes, pusher, change, host, network } = setUp({
      answer: fails(limited({ retryAfterMs: 400 * 24 * HOUR })),
    });
    pusher.start();
    change("a");
    await time.advance(HOUR);
    network.answer = all(accepted);
    await time.advance(60 * SECOND);
    expect(pushes).toHaveLength(2);
    expect(host.outbox.size).toBe(0);
  });

  it.each([{ retryAfterMs: -1 }, { retryAfterMs: NaN }, { retryAfterMs: "1" }, {}])(
    "without saying when is asked again with backoff: %j",
    async (data) => {
      const { time, host, pushes, pusher, change, network } = setUp({
        answer: fails(limited(data)),
      });
      pusher.start();
      change("a");
      await time.advance(HOUR);
      expect(pushes.length).toBeGreaterThan(20);
      expect(pushes.length).toBeLessThan(900);
      network.answer = all(accepted);
      await time.advance(180 * SECOND);
      expect(host.outbox.size).toBe(0);
    },
  );

  it("gets fewer documents at a time, and more again once it takes them", async () => {
    const most = 30;
    const { time, host, pushes, pusher, change } = setUp({
      answer: (changes) => (changes.length > most ? fails(limited()) : all(accepted))(changes),
    });
    pusher.start();
    change(...Array.from({ length: 300 }, (_, n) => `${n}`));
    await time.advance(HOUR);
    expect(host.outbox.size).toBe(0);
    expect(host.rejected).toEqual([]);
    expect(pushes.filter(({ documents }) => documents.length <= most).length).toBeLessThan(30);
  });

  it("does not keep others waiting for what alone is too much for it", async () => {
    const { time, host, pushes, pusher, change } = setUp({
      answer: (changes) =>
        (changes.some(({ document }) => document === "huge") ? fails(limited()) : all(accepted))(
          changes,
        ),
    });
    pusher.start();
    change("huge", "a", "b", "c");
    await time.advance(60 * SECOND);
    expect([...host.outbox.keys()]).toEqual(["huge"]);
    const { length } = pushes;
    await time.advance(HOUR);
    expect(pushes.length).toBeGreaterThan(length + 10);
    expect(host.rejected).toEqual([]);
  });
});

it.each<[string, Answer]>([
  ["the server never answers", never],
  ["the server breaks", fails(new Error("broke"))],
  ["the network gives up", fails(new ReplicateError("UNREACHABLE", "Gone."))],
  ["something is missing on the server", all(missing)],
])("hurries never and gives up never while %s", async (_name, answer) => {
  const { time, host, pushes, pusher, change, network } = setUp({ answer });
  pusher.start();
  change("a", "b", "c");
  await time.advance(HOUR);
  expect(pushes.length).toBeGreaterThan(20);
  expect(pushes.length).toBeLessThan(900);
  expect(time.fired).toBeLessThan(2_000);
  network.answer = all(accepted);
  await time.advance(180 * SECOND);
  expect(host.outbox.size).toBe(0);
  await time.advance(HOUR);
  expect(time.waiting).toBe(0);
});

describe("a clock on the wall that is set to another day", () => {
  const DAY = 24 * HOUR;
  it.each([DAY, -DAY])("neither hurries nor holds up anything: by %i ms", async (shift) => {
    const { time, host, pushes, pusher, network, change } = setUp({
      answer: fails(new Error("down")),
    });
    pusher.start();
    change("a");
    await time.advance(10 * SECOND);
    time.wallClockShift = shift;
    change("b");
    await time.advance(WINDOW_MS * 5);
    expect(pushes.at(-1)!.documents).toContain("b");
    network.answer = all(accepted);
    await time.advance(60 * SECOND);
    expect(host.outbox.size).toBe(0);
    expect(time.fired).toBeLessThan(50);
  });
});

describe("a server that is at fault", () => {
  const odd = (result: unknown): Answer => all(result as Result);
  const answers: [string, Answer][] = [
    ["answers for nothing", async () => []],
    ["answers with nothing", async () => null as never],
    ["answers for other documents", async () => [{ document: "other", result: accepted }]],
    ["names no generation", odd({ ...accepted, generation: NaN })],
    ["names an impossible generation", odd({ ...accepted, generation: 2 ** 40 })],
    ["says what nobody knows", odd({ status: "perhaps" })],
    [
      "sends an invalid state vector",
      odd({ ...missing, stateVector: Uint8Array.of(255, 255).buffer }),
    ],
  ];

  it.each(answers)(
    "and %s is sent the same later, with a pause, which says so",
    async (_, answer) => {
      const { time, host, pushes, pusher, change, network } = setUp({ answer });
      pusher.start();
      change("a", "b");
      await time.advance(HOUR, 2_000);
      expect(pushes.length).toBeGreaterThan(20);
      expect(pushes.length).toBeLessThan(1_000);
      expect(host.reports.at(-1)).toMatch(/did not answer/);
      expect([...host.outbox.keys()]).toEqual(["a", "b"]);
      network.answer = all(accepted);
      await time.advance(60 * SECOND);
      expect(host.outbox.size).toBe(0);
      expect(host.reports.at(-1)).toBeNull();
    },
  );

  it("about one document takes the others", async () => {
    const { time, host, pusher, change } = setUp({
      answer: async (changes) =>
        changes
          .filter(({ document }) => document !== "a")
          .map(({ document }) => ({ document, result: accepted })),
    });
    pusher.start();
    change("a", "b", "c");
    await time.advance(SECOND);
    expect([...host.outbox.keys()]).toEqual(["a"]);
  });
});
