import fc from "fast-check";
import * as Y from "yjs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { captureUpdate } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import { api, internal } from "./_generated/api.js";
import { append, entry, newLog, type NewEntry } from "./setup.test.js";

// Whatever is written, removed, compacted, pruned, folded and counted between each other, at whichever step of
// a fold or a count: the statistics end up as what is really there, and a drift is found to the byte.

const RUNS = Number(process.env["RUNS"] ?? 10);
const LONG = { timeout: 600_000 };
const TASKS = { collection: "tasks" };

/** Between each two there are so many rows that a count needs a step for each. */
const DOCUMENTS = ["a", "c", "e"];
const BETWEEN = ["b", "d"];
const ROWS_BETWEEN = 500;

const document = fc.constantFrom(...DOCUMENTS);
/** Small, beside the log, and of two rows. */
const size = fc.constantFrom(1, 1, 1, 5_000, 530_000);
const write = fc.record({
  document,
  size,
  op: fc.constantFrom("write", "write", "remove", "renew"),
});
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("push"),
        writes: fc.array(write, { minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom("compact", "prune"), document }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("fold", "fold", "foldAgain") }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("verify", "repair") }) },
  ),
  { maxLength: 40, size: "max" },
);
type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

it(
  "are what is there, whatever happens when; and find every drift, and mend it",
  LONG,
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), steps, async (wasCounted, all) => {
        const world = new World();
        await world.begin();
        if (wasCounted) await world.count("repair");
        for (const one of all) await world.take(one);
        await world.finish();
        const held = await world.held();
        expect(await world.told()).toEqual(held);
        expect(await world.count("verify")).toEqual([]);

        const drift = { documents: 3, entries: -2, bytes: 70 };
        await world.drift(drift);
        const found = [{ scope: "", documents: -3, entries: 2, bytes: -70 }];
        expect(await world.count("verify")).toEqual(found);
        expect(await world.count("repair")).toEqual(found);
        expect(await world.told()).toEqual(held);
        expect(await world.count("verify")).toEqual([]);
      }),
      { numRuns: RUNS, seed: Number(process.env["SEED"] ?? 1) },
    );
  },
);

class World {
  readonly log = newLog();
  /** The newest generation of each document; without a `doc` it is over. */
  readonly #generations = new Map<string, { generation: number; doc: Y.Doc | null }>();

  async begin() {
    await this.log.run(async (ctx) => {
      for (const document of BETWEEN.flatMap((name) => Array<string>(ROWS_BETWEEN).fill(name))) {
        const { begins: _, ...row } = entry(document);
        const stored = { chunk: 0, last: true, ts: 1n, size: 1, payload: null };
        await ctx.db.insert("updates", { ...TASKS, ...row, ...stored });
      }
    });
  }

  async take(one: Step) {
    vi.setSystemTime(Date.now() + 1_000);
    if ("writes" in one) await this.#push(one.writes);
    else if (one.do === "prune" && "document" in one) await this.#prune(one.document);
    else if ("document" in one) await this.#compact(one.document);
    else if (one.do === "fold") await this.log.mutation(api.statistics.fold, {});
    else if (one.do === "foldAgain") await this.#foldAgain();
    else await this.log.mutation(api.statistics[one.do as "verify" | "repair"], TASKS);
  }

  async #push(writes: { document: string; size: number; op: string }[]) {
    const entries: NewEntry[] = [];
    for (const { document, size, op } of writes) {
      const { generation, doc } = this.#generations.get(document) ?? { generation: 0, doc: null };
      if (op !== "write" && doc) {
        entries.push(entry(document, { generation, kind: "tombstone" }));
        this.#generations.set(document, { generation, doc: null });
      }
      if (op !== "remove") entries.push(this.#write(document, size));
    }
    if (entries.length > 0) await append(this.log, ...entries);
  }

  #write(document: string, size: number): NewEntry {
    let latest = this.#generations.get(document);
    const begins = !latest?.doc;
    if (!latest?.doc) {
      latest = { generation: (latest?.generation ?? 0) + 1, doc: new Y.Doc({ guid: document }) };
      this.#generations.set(document, latest);
    }
    const { generation, doc } = latest;
    const bytes = captureUpdate(doc!, () => doc!.getMap("fields").set("x", "x".repeat(size)))!;
    return entry(document, { generation, begins, bytes: toArrayBuffer(bytes) });
  }

  async #compact(document: string) {
    const thresholds = { entries: 1, bytes: 1, minAgeMs: 0 };
    const args = { ...TASKS, part: "fields", documents: [document], thresholds };
    await this.log.mutation(api.compaction.compact, args);
  }

  /** Forgets the oldest removal of a document. */
  async #prune(document: string) {
    const oldest = await this.log.run((ctx) =>
      ctx.db
        .query("updates")
        .withIndex("by_document", (q) => q.eq("collection", "tasks").eq("document", document))
        .filter((q) => q.eq(q.field("kind"), "tombstone"))
        .first(),
    );
    if (oldest === null) return;
    const { generation, ts } = oldest;
    const ended = { ...TASKS, document, generation, ts: ts as bigint };
    await this.log.mutation(internal.pruning.prune, ended);
  }

  /** What is scheduled may come twice. */
  async #foldAgain() {
    const run = await this.log.run(async (ctx) => (await ctx.db.query("folds").first())?.run ?? 0);
    await this.log.mutation(internal.statistics.foldMore, { run });
  }

  async drift(drift: { documents: number; entries: number; bytes: number }) {
    await this.log.run(async (ctx) => {
      const row = (await ctx.db.query("statistics").first())!;
      const { documents, entries, bytes } = row;
      await ctx.db.patch("statistics", row._id, {
        documents: documents + drift.documents,
        entries: entries + drift.entries,
        bytes: bytes + drift.bytes,
      });
    });
  }

  /** Lets every fold and count come to its end. */
  async finish() {
    await append(this.log, entry("last", { begins: true }));
    await this.log.mutation(api.statistics.fold, {});
    await this.log.finishAllScheduledFunctions(vi.runAllTimers);
  }

  async count(how: "verify" | "repair") {
    await this.log.mutation(api.statistics[how], TASKS);
    await this.log.finishAllScheduledFunctions(vi.runAllTimers);
    const { drifts, failure } = (await this.log.query(api.statistics.lastCount, TASKS))!;
    expect(failure).toBeNull();
    return drifts;
  }

  async told() {
    const told = await this.log.query(api.statistics.read, { ...TASKS, scope: "" });
    const { documents, entries, bytes } = told!;
    return { documents, entries, bytes };
  }

  async held() {
    const rows = await this.log.run((ctx) => ctx.db.query("updates").collect());
    const live = [...this.#generations.values()].filter(({ doc }) => doc !== null);
    return {
      documents: live.length + BETWEEN.length + 1,
      entries: rows.filter(({ last }) => last).length,
      bytes: rows.reduce((total, row) => total + row.size, 0),
    };
  }
}
