import * as Y from "yjs";
import { afterEach, expect, it, vi } from "vitest";
import { loadPart, mintUpdate, readFlat } from "../shared/plain-part.js";
import { snapshotOf } from "./snapshot.js";

const encode = vi.hoisted(() => ({ wrong: null as ((doc: Y.Doc) => Uint8Array) | null }));

vi.mock("yjs", async (original) => {
  const yjs: typeof Y = await original();
  const encodeStateAsUpdate = (doc: Y.Doc) => encode.wrong?.(doc) ?? yjs.encodeStateAsUpdate(doc);
  return { ...yjs, encodeStateAsUpdate };
});
afterEach(() => void (encode.wrong = null));

/** Three writes of one device, the last of which overwrites the first. */
function history(): Uint8Array[] {
  const doc = loadPart([]);
  const write = (path: string, value: string) => mintUpdate(doc, new Map([[path, value]]), 7)!;
  return [write("title", "old"), write("notes", "n"), write("title", "new")];
}

it("says what the updates say", () => {
  const snapshot = loadPart([snapshotOf(history())]);
  expect(Object.fromEntries(readFlat(snapshot))).toMatchObject({ title: "new", notes: "n" });
});

it.each([
  ["lacks the newest update", () => history()[0]!],
  ["lacks what was deleted", () => Y.mergeUpdates(history().slice(0, 2))],
  [
    "says something else under the same clocks",
    () => {
      const doc = loadPart([]);
      const write = (path: string, value: string) => mintUpdate(doc, new Map([[path, value]]), 7)!;
      return Y.mergeUpdates([write("title", "old"), write("notes", "n"), write("title", "else")]);
    },
  ],
  [
    "says the same as if it had been written afresh, which would merge with nothing",
    () => mintUpdate(loadPart([]), readFlat(loadPart(history())), 7)!,
  ],
  [
    "says more",
    () => {
      const doc = loadPart(history());
      return Y.mergeUpdates([...history(), mintUpdate(doc, new Map([["title", "more"]]), 8)!]);
    },
  ],
])("is not handed out when it %s", (_what, wrong) => {
  const updates = history();
  encode.wrong = wrong;
  expect(() => snapshotOf(updates)).toThrow("differs from the updates");
});

it("is not made of updates that build on others which are not there", () => {
  expect(() => snapshotOf(history().slice(1))).toThrow("The log has a gap");
});
