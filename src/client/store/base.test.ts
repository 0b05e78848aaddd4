import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { loadPart } from "../../shared/plain-part.js";
import { addUpdate, advance, emptyBase, endGeneration, type BaseDocument } from "./base.js";
import { bytesOf, entry, inserting, renderBytes, setting, tree } from "../setup.test.js";

const created = bytesOf(inserting({ title: "t" }));
const edited = bytesOf(setting({ title: "new" }), [created]);
const base = (rest: Partial<BaseDocument> = {}): BaseDocument => ({
  generation: 1,
  live: true,
  updates: [created],
  clientId: null,
  ...rest,
});

describe("bytes and tombstones change a base", () => {
  it("bytes of a later generation replace those of an earlier one", () => {
    expect(addUpdate(base(), 3, edited)).toEqual(base({ generation: 3, updates: [edited] }));
  });

  it("bytes of an older or ended generation say nothing", () => {
    const old = base({ generation: 2 });
    expect(addUpdate(old, 1, edited)).toBe(old);
    const over = base({ live: false, updates: [] });
    expect(addUpdate(over, 1, edited)).toBe(over);
  });

  it("a tombstone ends its generation and every one before it, once", () => {
    const over = endGeneration(base({ clientId: 5 }), 1);
    expect(over).toEqual({ generation: 1, live: false, updates: [], clientId: 5 });
    expect(endGeneration(over, 1)).toBe(over);
    const newer = base({ generation: 2 });
    expect(endGeneration(newer, 1)).toBe(newer);
    expect(endGeneration(base(), 4)).toMatchObject({ generation: 4, live: false });
  });
});

describe("advancing over log entries", () => {
  it("merges bytes into what is known, and renders", () => {
    const advanced = advance(base(), [entry(1, edited)], tree)!;
    expect(advanced.row).toEqual({ title: "new" });
    expect(advanced.base.updates).toHaveLength(1);
    expect(renderBytes(...advanced.base.updates)).toEqual({ title: "new" });
  });

  it("says nothing about the echo of what is known", () => {
    const known = advance(base(), [entry(1, edited)], tree)!.base;
    expect(advance(known, [entry(1, created), entry(1, edited)], tree)).toBeNull();
    expect(advance(base({ live: false, updates: [] }), [entry(1, null)], tree)).toBeNull();
  });

  it("follows removals and re-inserts inside one page", () => {
    const again = bytesOf(inserting({ title: "again" }));
    expect(advance(base(), [entry(1, null)], tree)).toMatchObject({ row: null });
    expect(advance(base(), [entry(1, null), entry(2, again)], tree)).toMatchObject({
      base: { generation: 2, live: true },
      row: { title: "again" },
    });
    expect(
      advance(emptyBase(), [entry(1, created), entry(1, null), entry(2, again)], tree)!.row,
    ).toEqual({ title: "again" });
  });

  it("lets nothing of an older generation back in, whatever the order", () => {
    const again = bytesOf(inserting({ title: "again" }));
    const { base: second } = advance(emptyBase(), [entry(2, again)], tree)!;
    expect(advance(second, [entry(1, created), entry(1, null)], tree)).toBeNull();
  });

  it("takes the row beside the bytes for what was unknown, without a look at the bytes", () => {
    const unreadable = new Uint8Array([255, 255, 255]);
    const entries = [entry(1, unreadable), entry(1, unreadable, { row: { id: "a", title: "t" } })];
    const advanced = advance(emptyBase(), entries, tree)!;
    expect(advanced.row).toEqual({ title: "t" });
    expect(advanced.base.updates).toEqual([unreadable, unreadable]);
    expect(() => advance(emptyBase(), [entry(1, unreadable)], tree)).toThrow();
  });

  it("does not trust the row beside the bytes where it has edits of its own to merge", () => {
    const mine = base({ updates: [bytesOf(inserting({ title: "t", done: true }))] });
    const theirs = entry(1, bytesOf(setting({ "details/due": "d" }), [], 99), {
      row: { id: "a", title: "beside" },
    });
    expect(advance(mine, [theirs], tree)!.row).toMatchObject({ title: "t", done: true });
  });

  it("learns nothing from a snapshot of what it knows, and everything from one of more (S5)", () => {
    const newer = bytesOf(setting({ title: "newest" }), [created, edited]);
    const snapshot = (...updates: Uint8Array[]) => Y.encodeStateAsUpdate(loadPart(updates));
    const knows = advance(base(), [entry(1, edited)], tree)!.base;
    expect(advance(knows, [entry(1, snapshot(created, edited))], tree)).toBeNull();
    const lagging = advance(knows, [entry(1, snapshot(created, edited, newer))], tree)!;
    expect(lagging.row).toEqual({ title: "newest" });
    // The same tail again, after compaction has changed it.
    const again = [entry(1, snapshot(created, edited)), entry(1, newer)];
    expect(advance(lagging.base, again, tree)).toBeNull();
  });

  it("keeps the client id that a refusal has set", () => {
    expect(advance(base({ clientId: 5 }), [entry(1, edited)], tree)!.base.clientId).toBe(5);
  });
});
