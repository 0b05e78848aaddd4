import { describe, expect, it } from "vitest";
import { fields, inserting, local, setting } from "../setup.test.js";
import { viewOf } from "./view.js";

const live = (generation: number) => ({ generation, row: { title: "base", done: false } });
const ended = (generation: number) => ({ generation, row: null });
const insert = (generation: number) => local("insert", generation, inserting({ title: "mine" }));
const retitle = (generation: number) => local("update", generation, setting({ title: "edited" }));
const remove = (generation: number) => local("remove", generation);
const view = (...[base, records]: [Parameters<typeof viewOf>[0], Parameters<typeof viewOf>[1]]) =>
  viewOf(base, records, fields);

describe("the view of a document", () => {
  it("is the base itself when nothing is pending, so that nothing is copied", () => {
    const base = live(1);
    expect(view(base, [])).toBe(base);
    expect(view(undefined, [])).toEqual({ generation: 0, row: null });
  });

  it("is the base with pending edits on top, in order", () => {
    const again = local("update", 1, setting({ title: "twice", done: undefined }));
    expect(view(live(1), [retitle(1), again])).toEqual({ generation: 1, row: { title: "twice" } });
  });

  it("shows an insert where there is nothing, and its edits", () => {
    expect(view(undefined, [insert(1), retitle(1)])).toEqual({
      generation: 1,
      row: { title: "edited" },
    });
  });

  it("merges an insert into a document that someone else inserted", () => {
    expect(view(live(1), [insert(1)])).toEqual({
      generation: 1,
      row: { title: "mine", done: false },
    });
  });

  it("puts an insert over an ended document into the next generation, with its edits", () => {
    const edited = { generation: 4, row: { title: "edited" } };
    expect(view(ended(3), [insert(1), retitle(1)])).toEqual(edited);
    expect(view(ended(3), [insert(1), retitle(4)])).toEqual(edited);
  });

  it("puts an insert that is ahead of the base where it says", () => {
    expect(view(ended(1), [insert(5)]).generation).toBe(5);
  });

  it("shows no edit or removal of a generation that has ended", () => {
    expect(view(ended(1), [retitle(1)])).toEqual(ended(1));
    expect(view(live(2), [retitle(1), remove(1)])).toEqual(live(2));
  });

  it("follows a chain of removals and inserts", () => {
    expect(view(live(1), [remove(1)])).toEqual(ended(1));
    expect(view(live(1), [remove(1), insert(2), retitle(2)])).toEqual({
      generation: 2,
      row: { title: "edited" },
    });
    expect(view(live(1), [remove(1), insert(2), remove(2)]).row).toBeNull();
    expect(view(undefined, [insert(1), remove(1), retitle(1)]).row).toBeNull();
  });

  it("ignores what the server refused", () => {
    const rejected = { code: "REFUSED", message: "No." };
    expect(view(live(1), [{ ...remove(1), rejected }, retitle(1)]).row).toEqual({
      title: "edited",
      done: false,
    });
    expect(view(undefined, [{ ...insert(1), rejected }, retitle(1)]).row).toBeNull();
  });
});
