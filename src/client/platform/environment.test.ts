import { describe, expect, it } from "vitest";
import { realEnvironment, sleep, withTimeout } from "./environment.js";
import { quiet, SECOND, VirtualTime } from "../setup.test.js";
import { backoffMs } from "./backoff.js";

const never = () => new Promise<never>(() => undefined);

describe("sleep", () => {
  it("takes its time", async () => {
    const time = new VirtualTime();
    let awake = false;
    void sleep(time, SECOND, new AbortController().signal).then(() => (awake = true));
    await time.advance(SECOND - 1);
    expect(awake).toBe(false);
    await time.advance(1);
    expect(awake).toBe(true);
  });

  it("ends at once when it is not wanted any more, and leaves no timer behind", async () => {
    const time = new VirtualTime();
    const stop = new AbortController();
    const sleeping = sleep(time, SECOND, stop.signal);
    stop.abort();
    await sleeping;
    await sleep(time, SECOND, stop.signal);
    expect(time.waiting).toBe(0);
  });
});

describe("withTimeout", () => {
  const timed = (time: VirtualTime, promise: Promise<unknown>) =>
    withTimeout(time, promise, SECOND, () => new Error("late"));

  it("is the promise's outcome, and leaves no timer behind", async () => {
    const time = new VirtualTime();
    await expect(timed(time, Promise.resolve(1))).resolves.toBe(1);
    await expect(timed(time, Promise.reject(new Error("own")))).rejects.toThrow("own");
    await quiet();
    expect(time.waiting).toBe(0);
  });

  it("is an error when it takes too long", async () => {
    const time = new VirtualTime();
    const outcome = timed(time, never()).catch((error: Error) => error.message);
    await time.advance(SECOND);
    expect(await outcome).toBe("late");
  });
});

describe("backoff", () => {
  const steps = (random: number) =>
    [0, 1, 2, 6, 7, 8, 1_000].map((failures) =>
      backoffMs(failures, { ...realEnvironment, random: () => random }),
    );

  it("doubles up to half a minute, and stays there for ever", () => {
    expect(steps(1)).toEqual([500, 1_000, 2_000, 30_000, 30_000, 30_000, 30_000]);
  });

  it("is spread over all of it, so that devices do not come back at once", () => {
    expect(steps(0)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(steps(0.5)[0]).toBe(250);
  });
});

it("random numbers of the real environment are from 0 to 1 and use 53 bits", () => {
  const draws = Array.from({ length: 200 }, () => realEnvironment.random());
  expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true);
  expect(draws.some((draw) => (draw * 2 ** 53) % 2 ** 21 !== 0)).toBe(true);
  expect(new Set(draws).size).toBe(200);
});
