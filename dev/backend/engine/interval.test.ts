import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IntervalSet, point } from "./interval.js";

const key = fc.stringMatching(/^[a-d]{1,3}$/);

describe("IntervalSet", () => {
  it("contains what one of its intervals contains", () => {
    const interval = fc.record({ from: key, to: key });
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 12 }), key, (intervals, wanted) => {
        const set = new IntervalSet();
        for (const { from, to } of intervals) set.add({ from, to });
        const expected = intervals.some(({ from, to }) => from <= wanted && wanted < to);
        expect(set.contains(wanted)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it("has points that hold one key", () => {
    const set = new IntervalSet();
    set.add(point("b"));
    expect(["a", "b", "ba", "c"].filter((each) => set.contains(each))).toEqual(["b"]);
  });
});
