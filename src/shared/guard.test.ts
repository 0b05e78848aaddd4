import * as Y from "yjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFieldUpdate } from "./guard.js";
import { MAX_PART_BYTES, MAX_UPDATE_WEIGHT, MAX_UPDATE_WRITES } from "./limits.js";
import { SERVER_CLIENT_ID } from "./plain-part.js";

/** The update that `change` makes on an empty document. */
function updateOf(change: (doc: Y.Doc) => void, clientId = 7): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  Y.transact(doc, () => change(doc));
  return Y.encodeStateAsUpdate(doc);
}

const tooLarge = expect.objectContaining({ code: "UPDATE_TOO_LARGE" }) as Error;
const refused = expect.objectContaining({ code: "INVALID_UPDATE" }) as Error;

describe("readFieldUpdate (S3)", () => {
  it("reads plain writes, bytes and removals among them", () => {
    const update = updateOf((doc) => {
      const fields = doc.getMap("fields");
      fields.set("a", { deep: [1n, null] });
      fields.set("b", new Uint8Array([1, 2]));
      fields.set("c", undefined);
    });
    expect(readFieldUpdate(update).writes).toEqual([
      { id: { client: 7, clock: 0 }, at: "a" },
      { id: { client: 7, clock: 1 }, at: "b" },
      { id: { client: 7, clock: 2 }, at: "c" },
    ]);
  });

  it("reads what a write replaces", () => {
    const doc = docWith("a", 1);
    const { client } = [...Y.parseUpdateMeta(Y.encodeStateAsUpdate(doc)).to.keys()].map(
      (client) => ({ client }),
    )[0]!;
    const before = Y.encodeStateVector(doc);
    doc.clientID = 7;
    doc.getMap("fields").set("a", 2);
    expect(readFieldUpdate(Y.encodeStateAsUpdate(doc, before)).writes).toEqual([
      { id: { client: 7, clock: 0 }, at: { client, clock: 0 } },
    ]);
  });

  it("lets no deletion through, and setting a key needs none", () => {
    const doc = docWith("a", 1);
    doc.getMap("fields").set("kept", 1);
    const before = Y.encodeStateAsUpdate(doc);
    const vector = Y.encodeStateVector(doc);
    doc.getMap("fields").set("a", 2);
    doc.getMap("fields").delete("kept");
    const { update, writes } = readFieldUpdate(Y.encodeStateAsUpdate(doc, vector));
    expect(writes).toHaveLength(1);
    const server = new Y.Doc();
    for (const one of [before, update]) Y.applyUpdate(server, one);
    expect(server.getMap("fields").toJSON()).toEqual({ a: 2, kept: 1 });
  });

  it("refuses a plain update cut at any byte, and never throws anything else on garbage", () => {
    const whole = updateOf((doc) => {
      doc.getMap("fields").set("title", "hello");
      doc.getMap("fields").set("title", "again");
    });
    for (let end = 0; end < whole.length; end++) {
      expect(() => readFieldUpdate(whole.slice(0, end))).toThrow(refused);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(whole.length - 1), (noise, at) => {
        for (const bytes of [noise, Uint8Array.from([...whole.slice(0, at), ...noise])]) {
          try {
            readFieldUpdate(bytes);
          } catch (error) {
            expect(error).toEqual(refused);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  const hostile: [string, Uint8Array][] = [
    ["another root", updateOf((doc) => doc.getMap("other").set("a", 1))],
    ["a nested map", updateOf((doc) => doc.getMap("fields").set("a", new Y.Map()))],
    ["a text", updateOf((doc) => doc.getMap("fields").set("a", new Y.Text("x")))],
    ["a subdocument", updateOf((doc) => doc.getMap("fields").set("a", new Y.Doc()))],
    ["list items in the root", updateOf((doc) => doc.getArray("fields").push([1]))],
    ["text in the root", updateOf((doc) => doc.getText("fields").insert(0, "x"))],
    ["the server's name", updateOf((doc) => doc.getMap("fields").set("a", 1), SERVER_CLIENT_ID)],
    [
      "deleted content",
      updateOf((doc) => {
        doc.getMap("fields").set("a", 1);
        doc.getMap("fields").delete("a");
      }),
    ],
    ["deletions alone", deletionOf("a")],
    ["nothing at all", Uint8Array.from([0, 0])],
    ["V2 encoding", Y.encodeStateAsUpdateV2(docWith("a", 1))],
    ["a 12-byte promise of 30 million structs", bomb(30_000_000)],
    ["garbage-collected structs", Uint8Array.from([1, 1, 7, 0, 0, 5, 0])],
    ["a gap", Uint8Array.from([1, 1, 7, 0, 10, 5, 0])],
    ["more client ids than anyone needs", Uint8Array.from([2, ...section(7), ...section(8), 0])],
    [
      "a write that follows itself",
      Uint8Array.from([1, 1, 66, 0, 0b1010_1000, 66, 0, 1, 126, 0]), // found by test/fuzz
    ],
    ["a client id of more digits than numbers have", longClientId(8)],
    ["a client id of so many that it is none", longClientId(147)],
    ["something after its end", Uint8Array.from([1, ...section(7), 0, 0])],
    ["more deletions than there can be changes", deletions(MAX_UPDATE_WRITES + 1)],
    ["a path longer than any field", updateOf((doc) => setField(doc, "a".repeat(4_097), 1))],
    ["a key that would become a prototype", prototypeKey()],
    ["a path that is not ASCII", updateOf((doc) => setField(doc, "é", 1))],
    [
      "writes that come before others",
      updateOf((doc) => {
        const [first, second] = [docWith("a", 1), docWith("a", 2)];
        for (const one of [first, second]) Y.applyUpdate(doc, Y.encodeStateAsUpdate(one));
        doc.clientID = 7;
        const fields = doc.getMap("fields");
        const right = fields._map.get("a")!;
        Y.transact(doc, (tr) => {
          const id = Y.createID(7, 0);
          const item = new Y.Item(
            id,
            null,
            null,
            right,
            right.id,
            fields,
            "a",
            new Y.ContentAny([3]),
          );
          item.integrate(tr, 0);
        });
      }),
    ],
    [
      "a field that is written twice",
      updateOf((doc) => {
        setField(doc, "a", 1);
        setField(doc, "a", 2);
      }),
    ],
  ];

  it.each(hostile)("refuses %s", (_what, update) => {
    expect(() => readFieldUpdate(update)).toThrow(refused);
  });

  it("refuses a value that nests ten thousand levels deep", () => {
    const doc = docWith("a", 1);
    const update = Y.encodeStateAsUpdate(doc);
    const one = update.lastIndexOf(125);
    const nested = new Uint8Array(200_000).fill(117);
    for (let at = 1; at < nested.length; at += 2) nested[at] = 1;
    const deep = Uint8Array.from([...update.slice(0, one), ...nested, ...update.slice(one)]);
    expect(() => readFieldUpdate(deep)).toThrow(refused);
  });

  it("refuses what is too much, and takes as much as there may be", () => {
    const writes = (count: number) =>
      updateOf((doc) => {
        for (let n = 0; n < count; n++) doc.getMap("fields").set(`${n}`, 1);
      });
    const numbers = (count: number) =>
      updateOf((doc) => setField(doc, "a", new Array<number>(count).fill(1)));
    // Beside the numbers, the array weighs 4 and its path 1/4.
    const most = MAX_UPDATE_WEIGHT - 5;
    for (const update of [writes(MAX_UPDATE_WRITES), numbers(most)]) {
      expect(() => readFieldUpdate(update)).not.toThrow();
    }
    const tooMuch = [
      writes(MAX_UPDATE_WRITES + 1),
      numbers(most + 1),
      new Uint8Array(MAX_PART_BYTES + 1),
    ];
    for (const update of tooMuch) expect(() => readFieldUpdate(update)).toThrow(tooLarge);
  });

  it.each<[string, unknown]>([
    ["text", ""],
    ["bytes", new Uint8Array()],
    ["objects", {}],
    ["arrays", []],
    ["objects with keys", { a: 1, b: 2 }],
  ])("takes fewer %s than numbers", (_what, value) => {
    const crowd = new Array(MAX_UPDATE_WEIGHT / 2).fill(value);
    expect(() => readFieldUpdate(updateOf((doc) => setField(doc, "a", crowd)))).toThrow(tooLarge);
  });
});

function setField(doc: Y.Doc, key: string, value: unknown) {
  doc.getMap("fields").set(key, value);
}

/** A write whose client id begins with so many zeros. */
function longClientId(zeros: number): Uint8Array {
  const update = updateOf((doc) => doc.getMap("fields").set("a", 1), 0);
  const id = [...new Array<number>(zeros).fill(0x80), 0];
  return Uint8Array.from([...update.slice(0, 2), ...id, ...update.slice(3)]);
}

/** What one client says in an update: that the field `a` is null. */
function section(client: number): number[] {
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
  return [1, client, 0, 0b0010_1000, 1, ...text("fields"), ...text("a"), 1, 126];
}

function deletions(ranges: number): Uint8Array {
  const count = [(ranges & 127) | 128, ((ranges >> 7) & 127) | 128, ranges >> 14];
  const each = new Array<number>(ranges * 2).fill(1);
  return Uint8Array.from([1, ...section(7), 1, 7, ...count, ...each]);
}

function prototypeKey(): Uint8Array {
  const update = updateOf((doc) => setField(doc, "a", { __pr0t0__: null }));
  const text = new TextDecoder("latin1").decode(update);
  return Uint8Array.from(text.replace("__pr0t0__", "__proto__"), (char) => char.charCodeAt(0));
}

function docWith(key: string, value: unknown): Y.Doc {
  const doc = new Y.Doc();
  doc.getMap("fields").set(key, value);
  return doc;
}

function deletionOf(key: string): Uint8Array {
  const doc = docWith(key, 1);
  const before = Y.encodeStateVector(doc);
  doc.getMap("fields").delete(key);
  return Y.encodeStateAsUpdate(doc, before);
}

/** One client that claims `structs` structs and brings none. */
function bomb(structs: number): Uint8Array {
  const count: number[] = [];
  for (let rest = structs; ; rest >>>= 7) {
    count.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Uint8Array.from([1, ...count, 7, 0, 0, 0, 0, 0, 0]);
}
