import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MAX_RECOVER_DOCUMENTS, MAX_STATE_VECTOR_BYTES } from "../shared/limits.js";
import { loadPart, renderRow } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Held } from "../shared/wire.js";
import {
  api,
  Device,
  newApp,
  nothingOf,
  push,
  sharedTask,
  streamAll,
  tree,
  type App,
} from "./setup.test.js";

const LONG = { timeout: 120_000 };

const recover = async (app: App, ...documents: Held[]) =>
  (await app.query(api.tasks.recover, { part: "fields", documents })).documents;

/** What someone has who knows these updates of a generation of document `a`. */
const knowing = (generation: number, ...updates: (ArrayBuffer | null)[]): Held => {
  const doc = loadPart(updates.map((update) => new Uint8Array(update!)));
  return { document: "a", generation, stateVector: toArrayBuffer(Y.encodeStateVector(doc)) };
};
const rendered = (...updates: (ArrayBuffer | null)[]) =>
  renderRow(loadPart(updates.map((update) => new Uint8Array(update!))), tree);

describe("recover", () => {
  it("sends what a state vector does not have", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const [entry] = await streamAll(app);
    await push(app, devices[0].update("a", { title: "T" }));
    await push(app, devices[1].update("a", { done: true }));
    const [missing] = await recover(app, knowing(1, entry!.bytes));
    expect(missing).toMatchObject({ document: "a", generation: 1, live: true });
    const { structs } = Y.decodeUpdate(new Uint8Array(missing!.update!));
    expect(structs.map((struct) => struct.id.client).sort()).toEqual([7, 8]);
    expect(rendered(entry!.bytes, missing!.update)).toEqual({ title: "T", done: true });
  });

  it("sends everything to who has nothing, and to who has only another generation of it", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const [first] = await streamAll(app);
    await push(app, devices[0].remove("a"));
    const again = { title: "again", done: true, votes: { x: 1 } };
    await push(app, new Device(50).insert("a", again)); // under the same id, from clock 0
    const [[nothing], [other]] = [
      await recover(app, nothingOf("a")),
      await recover(app, knowing(1, first!.bytes)),
    ];
    expect(nothing).toEqual(other);
    expect(other).toMatchObject({ generation: 2, live: true });
    expect(rendered(other!.update)).toEqual(again);
  });

  it("says when a document is gone or never was", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    await push(app, devices[0].remove("a"));
    const gone = { live: false, update: null };
    expect(await recover(app, nothingOf("a"), nothingOf("b"))).toEqual([
      { ...gone, document: "a", generation: 1 },
      { ...gone, document: "b", generation: 0 },
    ]);
  });

  it("costs a field, not the document, in the answer", async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t", data: "x".repeat(900_000) });
    const [entry] = await streamAll(app);
    await push(app, devices[0].update("a", { title: "T" }));
    const [missing] = await recover(app, knowing(1, entry!.bytes));
    expect(entry!.bytes.byteLength).toBeGreaterThan(900_000);
    expect(missing!.update!.byteLength).toBeLessThan(60);
  });

  it("answers for as many as one query can merge in time, by their structs", LONG, async () => {
    const app = newApp();
    const votes = (n: number) =>
      Object.fromEntries(Array.from({ length: 1_000 }, (_, k) => [k, n]));
    // Each has 20,000 structs or so, in far fewer bytes than one call reads.
    for (const [index, id] of ["a", "b", "c", "d"].entries()) {
      const device = new Device(50 + index);
      await push(app, device.insert(id, { title: "t" }));
      for (let n = 0; n < 20; n++) await push(app, device.update(id, { votes: votes(n) }));
    }
    const answers = await recover(app, ...["a", "b", "c", "d"].map(nothingOf));
    expect(answers.map(({ document }) => document)).toEqual(["a", "b"]);
  });

  it("names each document once", async () => {
    await expect(recover(newApp(), nothingOf("a"), nothingOf("b"), nothingOf("a"))).rejects.toThrow(
      "INVALID_RECOVER",
    );
  });

  it("answers for as many as one query can read, in the order asked, and at least for one", async () => {
    const app = newApp();
    const ids = Array.from({ length: 10 }, (_, n) => `d${n}`);
    const data = "x".repeat(900_000);
    for (const id of ids) await push(app, new Device(7).insert(id, { title: id, data }));
    const left = [...ids];
    const counts: number[] = [];
    while (left.length > 0) {
      const some = await recover(app, ...left.map(nothingOf));
      expect(some.map(({ document }) => document)).toEqual(left.splice(0, some.length));
      counts.push(some.length);
    }
    expect(counts).toEqual([6, 4]);
  });
});

describe("recover is asked by a liar", () => {
  const asking = async (held: Partial<Held>) => {
    const { app } = await sharedTask([7, 8], { title: "t" });
    return recover(app, { ...nothingOf("a"), ...held });
  };
  const bytes = (...some: number[]) => ({ stateVector: Uint8Array.from(some).buffer });
  const long = { stateVector: new ArrayBuffer(MAX_STATE_VECTOR_BYTES + 1) };

  it.each<[string, Partial<Held>, RegExp]>([
    ["with no state vector at all", bytes(), /ends too early/],
    ["promising more than there is", bytes(255, 255, 255, 255, 15, 1, 1), /ends too early/],
    ["with a number of 70 bits", bytes(1, ...Array<number>(10).fill(255), 1, 1), /too large/],
    ["with something at its end", bytes(1, 7, 1, 0), /follows its end/],
    ["with an update", { stateVector: toArrayBuffer(Y.encodeStateAsUpdate(new Y.Doc())) }, /end/],
    ["with too much", long, /131073 bytes, more than 131072/],
    ["about a document that cannot be", { document: "x".repeat(1_000_000) }, /of 1000000/],
  ])("%s", async (_name, held, message) => {
    await expect(asking(held)).rejects.toThrow(message);
    await expect(asking(held)).rejects.toThrow("INVALID_RECOVER");
  });

  it("about too many documents", async () => {
    const documents = Array.from({ length: MAX_RECOVER_DOCUMENTS + 1 }, (_, n) =>
      nothingOf(`${n}`),
    );
    await expect(recover(newApp(), ...documents)).rejects.toThrow(/at most 32 documents.* 33/);
  });

  it("who claims to know what nobody ever said: that hides nothing from others", async () => {
    const everything = { stateVector: Uint8Array.from([1, 7, 255, 255, 255, 255, 15]).buffer };
    const [answer] = await asking({ ...everything, generation: 1 });
    expect(rendered(answer!.update)).toEqual({ title: "t" }); // client 50 wrote it
  });

  it("who may not read", async () => {
    const closed = () => Promise.reject(new Error("SIGNED_OUT"));
    const { app } = await sharedTask([7, 8], { title: "t" });
    const other = newApp({ evalRead: closed });
    await expect(recover(other, nothingOf("a"))).rejects.toThrow("SIGNED_OUT");
    // … and learns no more about what is wrong with the question.
    await expect(recover(other, { ...nothingOf("a"), ...long })).rejects.toThrow("SIGNED_OUT");
    expect(await recover(app, nothingOf("a"))).toHaveLength(1);
  });

  it("is told whom the answer was made for", async () => {
    const { app } = await sharedTask([7, 8], { title: "t" });
    const ann = app.withIdentity({ name: "ann" });
    const args = { part: "fields", documents: [nothingOf("a")] };
    const page = await ann.query(api.tasks.stream, { cursor: null });
    expect((await ann.query(api.tasks.recover, args)).identity).toBe(page.identity);
    expect((await app.query(api.tasks.recover, args)).identity).toBeNull();
  });
});
