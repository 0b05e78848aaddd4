import { v } from "convex/values";
import * as Y from "yjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convexValue, exact, scenario } from "./arbitraries.test.js";
import { compileFields, type CompiledFields } from "./compiled-fields.js";
import { readFieldUpdate } from "./guard.js";
import { difference, flatten, type RowFields } from "./operations.js";
import { isComplete, loadPart, mintUpdate, readFlat, renderRow } from "./plain-part.js";

const fields = compileFields({
  title: v.string(),
  details: v.optional(v.object({ due: v.optional(v.string()), notes: v.optional(v.string()) })),
});

/** What turns the part `updates` into `row`, as bytes of `clientId`. */
function mint(updates: Uint8Array[], row: RowFields, clientId: number, using = fields) {
  const doc = loadPart(updates);
  const edits = difference(readFlat(doc), flatten(row, using.tree));
  return mintUpdate(doc, edits, clientId)!;
}

const render = (updates: Uint8Array[], using: CompiledFields = fields) =>
  renderRow(loadPart(updates), using.tree);

describe("mintUpdate and renderRow", () => {
  it("carry random rows of random fields through bytes, insert and edit", () => {
    fc.assert(
      fc.property(scenario(2), ({ fields, rows }) => {
        const inserted = mint([], rows[0]!, 7, fields);
        expect(exact(render([inserted], fields))).toEqual(exact(rows[0]));
        const doc = loadPart([inserted]);
        const edits = difference(readFlat(doc), flatten(rows[1]!, fields.tree));
        const edited = mintUpdate(doc, edits, 8);
        expect(edited === null).toBe(edits.size === 0);
        const both = edited ? [inserted, edited] : [inserted];
        expect(exact(render(both, fields))).toEqual(exact(rows[1]));
      }),
    );
  });

  it("carry every Convex value, with its type and its sign", () => {
    const any = compileFields({ value: v.any() });
    fc.assert(
      fc.property(convexValue, (value) => {
        const row = render([mint([], { value }, 7, any)], any);
        expect(exact(row)).toEqual(exact({ value }));
        expect(Object.is(row!["value"], -0)).toBe(Object.is(value, -0));
      }),
    );
  });

  it("mint only what the guard lets pass", () => {
    fc.assert(
      fc.property(scenario(2), ({ fields, rows }) => {
        const inserted = mint([], rows[0]!, 7, fields);
        expect(() => readFieldUpdate(inserted)).not.toThrow();
        const edited = mint([inserted], rows[1]!, 7, fields);
        if (edited) expect(() => readFieldUpdate(edited)).not.toThrow();
      }),
    );
  });

  it("mint the same bytes from the same operations in any order", () => {
    fc.assert(
      fc.property(scenario(2), fc.integer(), ({ fields, rows }, seed) => {
        const base = mint([], rows[0]!, 7, fields);
        const edits = [...difference(readFlat(loadPart([base])), flatten(rows[1]!, fields.tree))];
        const turned = edits.map((_, n) => edits[(n + (seed >>> 0)) % edits.length]!);
        const [one, other] = [edits, turned].map((order) =>
          mintUpdate(loadPart([base]), new Map(order), 9),
        );
        expect(one).toStrictEqual(other);
      }),
    );
  });

  it("mint nothing when nothing changes", () => {
    expect(mintUpdate(loadPart([]), new Map(), 7)).toBeNull();
  });
});

describe("merging (D1)", () => {
  it("merges what two offline creators of one document wrote, nested objects too", () => {
    const one = mint([], { title: "t", details: { due: "d" } }, 7);
    const other = mint([], { title: "t", details: { notes: "n" } }, 8);
    const merged = { title: "t", details: { due: "d", notes: "n" } };
    expect(render([one, other])).toStrictEqual(merged);
    expect(render([other, one])).toStrictEqual(merged);
  });

  it("renders alike in whatever order concurrent updates arrive", () => {
    fc.assert(
      fc.property(scenario(4), ({ fields, rows }) => {
        const base = mint([], rows[0]!, 7, fields);
        const edits = rows.slice(1).flatMap((row, n) => mint([base], row, 8 + n, fields) ?? []);
        const reversed = edits.toReversed();
        expect(exact(render([base, ...edits], fields))).toEqual(
          exact(render([base, ...reversed], fields)),
        );
      }),
    );
  });

  it("knows when something it builds on is missing, structs or deletions", () => {
    const base = mint([], { title: "t" }, 7);
    const edit = mint([base], { title: "u" }, 8);
    const deletion = (() => {
      const doc = loadPart([base]);
      const before = Y.encodeStateVector(doc);
      doc.getMap("fields").delete("title");
      return Y.encodeStateAsUpdate(doc, before);
    })();
    expect(isComplete(loadPart([edit]))).toBe(false);
    expect(isComplete(loadPart([deletion]))).toBe(false);
    expect(isComplete(loadPart([edit, deletion, base]))).toBe(true);
  });
});
