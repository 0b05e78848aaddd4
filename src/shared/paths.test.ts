import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ancestorsOf, childPath, ROOT, segmentsOf } from "./paths.js";

const keys = fc.array(fc.oneof(fc.string(), fc.constantFrom("/", "~", "~1", "~0", "a/b", "~01")), {
  maxLength: 5,
});

const pathOf = (segments: string[]) => segments.reduce(childPath, ROOT);

describe("paths", () => {
  it("escape separators so that a key with a slash is not two keys", () => {
    expect(childPath("labels", "a/b")).toBe("labels/a~1b");
    expect(childPath("labels", "~1")).toBe("labels/~01");
  });

  it("come apart into the segments they were made of", () => {
    fc.assert(
      fc.property(
        keys.filter((segments) => segments[0] !== ""),
        (segments) => {
          expect(segmentsOf(pathOf(segments))).toEqual(segments);
        },
      ),
    );
  });

  it("name their ancestors nearest first, without the root", () => {
    expect(ancestorsOf("a/b/c")).toEqual(["a/b", "a"]);
    expect(ancestorsOf("a")).toEqual([]);
    expect(ancestorsOf(ROOT)).toEqual([]);
  });
});
