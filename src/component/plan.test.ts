import { describe, expect, it } from "vitest";
import type { Entry } from "./entries.js";
import { planCompaction, type Thresholds } from "./plan.js";

const MINUTE_NS = 60_000_000_000n;
const NOW = 1_000n * MINUTE_NS;
const DEFAULTS: Thresholds = { entries: 32, bytes: 64 * 1024, minAgeMs: 5 * 60_000 };

/** Entries of these ages, in minutes, and sizes, in bytes, each of a commit of its own. */
const log = (...entries: [minutes: number, size: number][]): Entry[] =>
  entries.map(([minutes, size], index) => {
    const ts = NOW - BigInt(minutes) * MINUTE_NS - BigInt(entries.length - index);
    const head = { ts, size } as Entry["head"];
    return { head, rows: [head] };
  });

const repeat = (count: number, minutes: number, size: number) =>
  Array.from({ length: count }, () => [minutes, size] as [number, number]);

/** Each a minute younger than the one before; the last one is a minute old. */
const aging = (count: number, size: number) =>
  Array.from({ length: count }, (_, n) => [count - n, size] as [number, number]);

const planned = (entries: Entry[], overrides: Partial<Thresholds> = {}, maxBytes = Infinity) =>
  planCompaction(entries, NOW, { ...DEFAULTS, ...overrides }, maxBytes).length;

describe("by count", () => {
  it.each([
    [0, 0],
    [1, 0],
    [32, 0],
    [33, 33],
    [200, 200],
  ])("of %i old entries, replaces %i", (count, expected) => {
    expect(planned(log(...aging(count, 40)), { minAgeMs: 0 })).toBe(expected);
  });
});

describe("by bytes", () => {
  it("waits for as many as the threshold", () => {
    expect(planned(log([90, 500], [80, 40_000], [70, 20_000]))).toBe(0);
    expect(planned(log([90, 500], [80, 40_000], [70, 30_000]))).toBe(3);
  });

  it("waits for as many as the first entry has, so that a snapshot costs no more than its log", () => {
    expect(planned(log([90, 900_000], [80, 500_000]))).toBe(0);
    expect(planned(log([90, 900_000], [80, 500_000], [70, 400_000]))).toBe(3);
  });

  it("replaces no more than one transaction can, but two entries in any case", () => {
    const entries = log(...aging(10, 1_000));
    expect(planned(entries, { entries: 1, minAgeMs: 0 }, 4_500)).toBe(4);
    expect(planned(entries, { entries: 1, minAgeMs: 0 }, 1)).toBe(2);
  });
});

describe("of more than one transaction replaces", () => {
  const MIB = 1024 * 1024;

  it("some, although they would not be worth it if they were all", () => {
    const entries = log([90, 1.9 * MIB], [80, 1 * MIB], [70, 1.3 * MIB]);
    expect(planned(entries, {}, 4 * MIB)).toBe(2);
  });

  it("at least one commit after the first entry", () => {
    const entries = log([90, 1.9 * MIB], [80, 1 * MIB], [70, 1.3 * MIB], [60, 40]);
    entries[2]!.head.ts = entries[1]!.head.ts;
    expect(planned(entries, {}, 4 * MIB)).toBe(3);
  });
});

describe("leaves to live clients what they may still be sent", () => {
  it("young entries", () => {
    expect(planned(log(...repeat(1, 9, 40), ...aging(8, 40)), { entries: 1 })).toBe(5);
    expect(planned(log(...aging(4, 40)), { entries: 1 })).toBe(0);
  });

  it("unless so many follow that their tail has started afresh", () => {
    const young = (count: number) => log(...repeat(count, 1, 40));
    expect(planned(young(63))).toBe(0);
    expect(planned(young(64))).toBe(33);
  });

  it("or so many bytes", () => {
    expect(planned(log([3, 50_000], [2, 70_000], [1, 33_000]))).toBe(3);
    expect(planned(log([3, 50_000], [2, 70_000], [1, 30_000]))).toBe(2);
  });

  it("what is not committed yet", () => {
    const entries = log(...aging(40, 40));
    const pending = { ...entries[0]!.head, ts: {} } as Entry["head"];
    expect(planned([...entries, { head: pending, rows: [pending] }], { minAgeMs: 0 })).toBe(40);
  });
});
